"""Lost put: the directory is not synced after a new log was renamed over the old one.

Compaction wrote the new log, synced it, and renamed it. Records went to the new file and were
synced there. After a power failure the name led to the old file again, which had none of them.

Repair: sync the directory after the rename, and before the next append.
"""

import os

from power_base import DurableLog, PlainLog


class Subject(DurableLog):
    """Acknowledges records in a file that may lose its name."""

    def open_log(self) -> None:
        PlainLog.open_log(self)
        self.sync_log()

    def save(self, name: str, data: bytes) -> None:
        path = self.directory / name
        if name != "wal.log" or not path.exists():
            super().save(name, data)
            return
        temporary = self.directory / "wal.log.tmp"
        self.write_new(temporary, data)
        os.replace(temporary, path)
