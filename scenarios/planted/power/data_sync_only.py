"""Lost put: fdatasync is counted on to make a rename durable.

Whoever syncs a file on ext4 commits the journal, and with it the rename that gave the file its
name; so compaction left out the sync of the directory, and the first append to the new log was to
make up for it. Then the log was given its full size from the start, and its fsync became an
fdatasync: with no size to write, it leaves the journal alone. After a power failure the log of
before the compaction was back, without what had been acknowledged since.

Repair: sync the directory after the rename.
"""

import os

from power_base import PlainLog
from right_preallocated import LOG_BYTES
from right_preallocated import Subject as PreallocatedLog


class Subject(PreallocatedLog):
    """Acknowledges records in a file whose name is not durable."""

    def open_log(self) -> None:
        PlainLog.open_log(self)
        os.close(self.log)
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY)
        self.sync_log()

    def save(self, name: str, data: bytes) -> None:
        path = self.directory / name
        if name != "wal.log" or not path.exists():
            super().save(name, data)
            return
        temporary = self.directory / "wal.log.tmp"
        self.write_new(temporary, data.ljust(LOG_BYTES, b"\0"))
        os.replace(temporary, path)
