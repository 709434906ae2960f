"""Right, though it seems wrong: no record is ever followed by a sync.

The log is open with O_DSYNC, so each write returns when its bytes are durable, and the size that
is needed to read them.

Resembles: `never_synced`.
"""

import os

from power_base import DurableLog, write_all

from walcrash import Record


class Subject(DurableLog):
    """Lets every write be its own sync."""

    def open_log(self) -> None:
        super().open_log()
        os.close(self.log)
        flags = os.O_WRONLY | os.O_APPEND | os.O_DSYNC
        self.log = os.open(self.directory / "wal.log", flags)

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
