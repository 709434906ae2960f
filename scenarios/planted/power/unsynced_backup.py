"""Lost put: recovery rewrites the log in place, with a backup that is not durable.

After a torn write, recovery made a copy of the good part of the log, emptied the log, wrote the
good part back, synced it, and removed the copy. A copy that it found at the start was put back
first; that was tested with a kill at every step. The power failed once more while a machine was
recovering: the log had no records, and the copy had no bytes.

Repair: sync the copy before the log is emptied; or truncate the torn tail only.
"""

import os
import zlib

from power_base import FRAME, HEADER, DurableLog, write_all


class Subject(DurableLog):
    """Empties the log while the disk holds no copy of it."""

    def open_log(self) -> None:
        backup = self.load("wal.bak", b"")
        good = self.body_at(backup, 0)
        if good is not None:
            self.save("wal.log", good)
        super().open_log()
        self.remove_backup()

    def truncate_tail(self, position: int) -> None:
        path = self.directory / "wal.log"
        good = path.read_bytes()[:position]
        backup = os.open(self.directory / "wal.bak", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        write_all(backup, FRAME.pack(len(good), zlib.crc32(good)) + good)
        os.close(backup)
        self.sync_directory()
        os.ftruncate(self.log, HEADER.size)
        write_all(self.log, good[HEADER.size :])
        self.sync_log()

    def remove_backup(self) -> None:
        (self.directory / "wal.bak").unlink(missing_ok=True)
        self.sync_directory()
