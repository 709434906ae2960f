"""Lost put: an error while the torn tail is cut off is ignored, and the log goes on behind it.

A kill left half a record. The next start tried to cut it off, met an error, and took it for a
detail: what it appended then lies behind the half record.

Repair: do not open.
"""

import contextlib
import os

from error_base import HEADER, MAGIC, CarefulLog

from walcrash import Record


class Subject(CarefulLog):
    """Opens with a torn tail."""

    def open_log(self) -> None:
        if not (self.directory / "wal.log").exists():
            self.save("wal.log", HEADER.pack(MAGIC, 0))
        data = self.load("wal.log", b"")
        self.entries: list[tuple[int, Record]] = []
        self.base = HEADER.unpack_from(data)[1] - HEADER.size
        whole = self.scan(data)
        self.end_offset = self.base + whole
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY | os.O_APPEND)
        if whole < len(data):
            with contextlib.suppress(OSError):
                os.ftruncate(self.log, whole)
        self.sync_log()
