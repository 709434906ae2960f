"""Right, though it seems wrong: records are stored through a mapping, and no call writes them.

The log has room behind its last record, and zeros in it; it grows by a few pages, and the new
size is synced before anything is stored there. A record is acknowledged when the pages that it
lies in are synced (msync). Recovery makes everything behind the last whole record zeros again,
and syncs that, before it appends.

Resembles: `unsynced_mapping`, which leaves the msync out.

Source: `mmap(2)`, `msync(2)`.
"""

import mmap
import os

from power_base import HEADER, MAGIC, DurableLog

from walcrash import Record

ROOM_BYTES = 4 * mmap.PAGESIZE


class Subject(DurableLog):
    """Stores, syncs the pages, acknowledges."""

    def open_log(self) -> None:
        super().open_log()
        os.close(self.log)
        self.log = os.open(self.directory / "wal.log", os.O_RDWR)
        self.mapped = mmap.mmap(self.log, 0)

    def create_log(self) -> None:
        self.save("wal.log", HEADER.pack(MAGIC, 0))

    def save(self, name: str, data: bytes) -> None:
        room = -len(data) % ROOM_BYTES if name == "wal.log" else 0
        super().save(name, data + bytes(room))

    def truncate_tail(self, position: int) -> None:
        data = self.load("wal.log", b"")
        if any(data[position:]):
            os.ftruncate(self.log, position)
            os.ftruncate(self.log, len(data))
            self.sync_log()

    def write(self, record: Record, frame: bytes) -> None:
        start = self.end_offset - self.base
        end = start + len(frame)
        if end > len(self.mapped):
            self.grow(end)
        self.mapped[start:end] = frame
        self.sync_pages(start // mmap.PAGESIZE * mmap.PAGESIZE, end)

    def grow(self, end: int) -> None:
        os.ftruncate(self.log, end + -end % ROOM_BYTES)
        self.sync_log()
        self.mapped.close()
        self.mapped = mmap.mmap(self.log, 0)

    def sync_pages(self, start: int, end: int) -> None:
        """Make what was stored between two offsets durable."""
        self.mapped.flush(start, end - start)

    def close(self) -> None:
        self.mapped.close()
        super().close()
