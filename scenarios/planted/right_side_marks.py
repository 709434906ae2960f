"""Right, though it seems wrong: marks go to a file of their own.

A frame starts with the record's offset, and recovery merges the two files by it. Only one
record is being written at any time, so at most one of the files has a torn tail, and what is
torn was never acknowledged; the next record takes its offset.

Resembles: a log that forgets the order between puts and marks.
"""

import json
import os
from pathlib import Path

from planted_base import FRAME, PlainLog, write_all

from walcrash import Record, RecordType

FILES = ("puts.log", "marks.log")


class Subject(PlainLog):
    """Keeps one order over two files."""

    supports = PlainLog.supports - {"compact"}

    def open_log(self) -> None:
        self.entries = []
        self.end_offset = 0
        self.puts, self.marks = (self.open_part(self.directory / name) for name in FILES)
        self.entries.sort(key=lambda entry: entry[0])
        # `close` in the base closes the log.
        self.log = self.puts

    def open_part(self, path: Path) -> int:
        """Read one of the files, truncate its torn tail, and return its descriptor."""
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        data = path.read_bytes()
        position = 0
        while (body := self.body_at(data, position)) is not None:
            offset, record = json.loads(body)
            self.entries.append((offset, Record.from_json(record)))
            position += FRAME.size + len(body)
            self.end_offset = max(self.end_offset, offset + FRAME.size + len(body))
        if position < len(data):
            os.ftruncate(fd, position)
        return fd

    def encode(self, record: Record) -> bytes:
        return json.dumps([self.end_offset, record.to_json()]).encode("ascii")

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.puts if record.type is RecordType.PUT else self.marks, frame)

    def close(self) -> None:
        super().close()
        os.close(self.marks)
