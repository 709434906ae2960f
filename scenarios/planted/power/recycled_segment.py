"""Order: a recycled file holds old records behind its tail, and they are replayed.

Compaction writes into the one of two files that is not in use, over whatever was there, since
new blocks are dear. Each record takes whole sectors, and a sector of zeros behind it ends the
log. The zeros are written before the record, so a kill leaves the old end or the new one; both
are synced at once, and a power failure left the record without the zeros. What had been there
two compactions ago was next, whole and with a right checksum, and came back to life.

Repair: a checksum that covers the record's offset, or the file's generation.
"""

import os

from power_base import FRAME, DurableLog

from harness.values.record import Record

SECTOR_BYTES = 512
FILES = ("wal.0", "wal.1")


class Subject(DurableLog):
    """Does not tell its records from those of an earlier life of the file."""

    def open_log(self) -> None:
        """Read the file that `current` names: its number, and the offset of its first record."""
        number, start = self.load("current", b"0 0").split()
        self.number, self.base = int(number), int(start)
        path = self.directory / FILES[self.number]
        self.log = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self.entries = []
        self.end_offset = self.base + self.scan(path.read_bytes(), position=0)
        self.sync_log()
        self.sync_folder()

    def scan(self, data: bytes, position: int = 0) -> int:
        while (body := self.body_at(data, position)) is not None:
            self.entries.append((self.base + position, self.decode(body)))
            position += sectors(FRAME.size + len(body))
        return position

    def frame(self, record: Record) -> bytes:
        frame = super().frame(record)
        return frame.ljust(sectors(len(frame)), b"\0")

    def write(self, record: Record, frame: bytes) -> None:
        position = self.end_offset - self.base
        os.pwrite(self.log, bytes(SECTOR_BYTES), position + len(frame))
        os.pwrite(self.log, frame, position)
        self.sync_log()

    def compact(self) -> None:
        self.apply()
        super().compact()

    def rewrite(self, records: list[Record]) -> None:
        frames = b"".join(self.frame(record) for record in records)
        os.close(self.log)
        number, start = 1 - self.number, self.end_offset - len(frames)
        path = self.directory / FILES[number]
        self.log = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.pwrite(self.log, frames + bytes(SECTOR_BYTES), 0)
        self.sync_log()
        os.close(self.log)
        self.save("current", f"{number} {start}".encode("ascii"))
        self.open_log()


def sectors(length_bytes: int) -> int:
    """Return the bytes of the whole sectors that so many bytes take."""
    return -(-length_bytes // SECTOR_BYTES) * SECTOR_BYTES
