"""Order: a recycled file holds old records behind its tail, and they are replayed.

Compaction writes into the one of two files that is not in use, over whatever was there, since
new blocks are expensive. Each record takes whole sectors, and a sector of zeros behind it ends the
log. The zeros are written before the record, so a kill leaves the old end or the new one; both
are synced at once, and a power failure left the record without the zeros. What had been there
two compactions ago was next, whole and with a right checksum: puts that had been dropped came
back behind records that were appended after them. Their `MarkDone` records had been kept, in a
small file, so that none of them was done again.

Repair: a checksum that covers the record's offset, or the file's generation.
"""

import json
import os

from power_base import FRAME, DurableLog

from walcrash import Record, RecordType

SECTOR_BYTES = 512
FILES = ("wal.0", "wal.1")


class Subject(DurableLog):
    """Does not distinguish its records from those of an earlier life of the file."""

    def open_log(self) -> None:
        """Read the marks that `current` keeps, then the file that it names."""
        head = json.loads(self.load("current", b'{"number": 0, "start": 0, "marks": []}'))
        self.number, self.base = head["number"], head["start"]
        path = self.directory / FILES[self.number]
        self.log = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self.entries = []
        self.end_offset = self.base + self.scan(path.read_bytes(), position=0)
        self.entries += [(offset, Record.from_json(mark)) for offset, mark in head["marks"]]
        self.entries.sort(key=lambda entry: entry[0])
        self.sync_log()
        self.sync_directory()

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
        """Write the records to the other file; `current` keeps the marks of the others."""
        frames = b"".join(self.frame(record) for record in records)
        number, start = 1 - self.number, self.end_offset - len(frames)
        marks = self.marks_of_others(records)
        os.close(self.log)
        path = self.directory / FILES[number]
        self.log = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.pwrite(self.log, frames + bytes(SECTOR_BYTES), 0)
        self.sync_log()
        os.close(self.log)
        head = {"number": number, "start": start, "marks": marks}
        self.save("current", json.dumps(head).encode("ascii"))
        self.open_log()

    def marks_of_others(self, kept: list[Record]) -> list[tuple[int, dict[str, object]]]:
        """Return each `MarkDone` that is not kept, at an offset just below the next record's."""
        numbers = {record.ts_ms for record in kept}
        start = offset = self.end_offset
        marks = []
        for _, record in reversed(self.entries):
            if record.ts_ms in numbers:
                start -= len(self.frame(record))
                offset = start
            elif record.type is RecordType.DONE:
                offset -= 1
                marks.append((offset, record.to_json()))
        return marks


def sectors(length_bytes: int) -> int:
    """Return the bytes of the whole sectors that so many bytes take."""
    return -(-length_bytes // SECTOR_BYTES) * SECTOR_BYTES
