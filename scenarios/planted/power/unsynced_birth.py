"""Lost put: the directory is not synced after the log was made.

The log was made, synced, and synced again after each record. Its name was not: that is a part of
the directory, and nobody had synced the directory. On the file system at hand a sync of a new file
takes its name along. On the customer's it does not, and after a power failure there was an
empty directory.

Repair: sync the directory when a file was made in it.
"""

import os

from power_base import HEADER, MAGIC, DurableLog, PlainLog


class Subject(DurableLog):
    """Acknowledges records in a file that may have no name."""

    def open_log(self) -> None:
        PlainLog.open_log(self)
        self.sync_log()

    def create_log(self) -> None:
        temporary = self.directory / "wal.log.tmp"
        self.write_new(temporary, HEADER.pack(MAGIC, 0))
        os.replace(temporary, self.directory / "wal.log")
