"""Right, though it seems wrong: a record has no checksum, and is never torn.

Each record has a cell of 512 bytes in a file that was made with its full size, and each cell is one
sector of it. A device writes a sector whole or not, so a cell holds its record or none. The
contract says so: `atomic_bytes` is 512. Where a write is torn inside a sector, recovery fails;
that is a matter of portability. What is too long for a cell has a file of its own, which is there,
synced and named, before the cell says so.

Resembles: `unaligned_cells` (the same, behind a header), and `torn_slot` (more than a sector).
"""

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from walcrash import Adapter, Contract, DefiniteFailure, EffectSink, PersistenceModel, Record

CELL_BYTES = 512
CELLS = 64
CELL = struct.Struct("<II")
APART = 0xFFFF_FFFF
"""In the place of a length: the record has a file of its own."""


class Subject(Adapter):
    """A log of cells.

    Attributes:
        start_bytes: where the first cell begins in the file.
    """

    contract = Contract(model=PersistenceModel.POSIX, atomic_bytes=CELL_BYTES)
    supports = frozenset({"reopen"})
    start_bytes = 0

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.directory = directory
        if not (directory / "cells").exists():
            self.save("cells", bytes(self.start_bytes + CELLS * CELL_BYTES))
        self.file = os.open(directory / "cells", os.O_RDWR)
        # What was read may be no more than what memory held when the process before was killed.
        os.fsync(self.file)
        self.next = 1 + max((number for number, _ in self.replay(0)), default=0)

    def save(self, name: str, data: bytes) -> None:
        """Make a file that is whole where it has its name."""
        temporary = self.directory / f"{name}.tmp"
        temporary.unlink(missing_ok=True)
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(file, data)
        os.fsync(file)
        os.close(file)
        os.replace(temporary, self.directory / name)
        names = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(names)
        os.close(names)

    def append(self, record: Record) -> int:
        if self.next > CELLS:
            raise DefiniteFailure(f"all {CELLS} cells are taken")
        body = json.dumps(record.to_json()).encode()
        cell = CELL.pack(self.next, len(body)) + body
        if len(cell) > CELL_BYTES:
            self.save(f"record-{self.next}", body)
            cell = CELL.pack(self.next, APART)
        os.pwrite(self.file, cell.ljust(CELL_BYTES, b"\0"), self.place(self.next))
        os.fdatasync(self.file)
        self.next += 1
        return self.next - 1

    def replay(self, from_offset: int) -> Iterator[tuple[int, Record]]:
        for number in range(max(1, from_offset), CELLS + 1):
            cell = os.pread(self.file, CELL_BYTES, self.place(number))
            written, length = CELL.unpack_from(cell)
            if written:
                body = cell[CELL.size : CELL.size + length]
                if length == APART:
                    body = (self.directory / f"record-{number}").read_bytes()
                yield number, Record.from_json(json.loads(body))

    def place(self, number: int) -> int:
        """Return where a record's cell is in the file."""
        return self.start_bytes + (number - 1) * CELL_BYTES

    def end(self) -> int:
        return self.next

    def close(self) -> None:
        os.close(self.file)
