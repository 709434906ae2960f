"""Phantom record after two power failures: recovery cuts a file and appends to another one.

Puts and marks go to a file each, and every record has a number. Recovery takes the records up
to the first number that is missing and cuts both files there, without a sync; the next `sync`
was to take care of it, and it syncs the files that were written to. A power failure had left a
mark without the put before it. Recovery cut the mark off, a new put took the missing number and
was synced, and after the next power failure the mark was back behind it.

Repair: sync what was cut before anything is appended.
"""

import json
import os
from pathlib import Path

from power_base import FRAME, DurableLog, write_all

from harness.values.contract import Acknowledges, Contract, PersistenceModel
from harness.values.record import Record, RecordType

FILES = ("puts", "marks")


class Subject(DurableLog):
    """Appends to one file while the cut of the other one is not durable."""

    contract = Contract(
        acknowledges=Acknowledges.SYNC, model=PersistenceModel.POSIX, max_attempts=3
    )
    supports = frozenset({"sync", "reopen"})

    def open_log(self) -> None:
        """Read both files up to the first number that is missing; an offset is a number."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        paths = [self.directory / name for name in FILES]
        self.logs = [os.open(path, flags, 0o644) for path in paths]
        self.sync_folder()
        self.written = set[int]()
        parts = [self.records_of(path) for path in paths]
        found = dict(sorted({**parts[1], **parts[0]}.items()))
        self.end_offset = next(n for n in range(len(found) + 1) if n not in found)
        kept = range(self.end_offset)
        self.entries = [(n, found[n][0]) for n in kept]
        for fd, part in zip(self.logs, parts, strict=True):
            os.ftruncate(fd, max((end for n, (_, end) in part.items() if n in kept), default=0))

    def records_of(self, path: Path) -> dict[int, tuple[Record, int]]:
        """Return each whole record of a file, and where it ends, by its number."""
        data, position, found = path.read_bytes(), 0, {}
        while (body := self.body_at(data, position)) is not None:
            position += FRAME.size + len(body)
            number, record = json.loads(body)
            found[number] = Record.from_json(record), position
        return found

    def append(self, record: Record) -> int:
        number = self.end_offset
        fd = self.logs[record.type is not RecordType.PUT]
        write_all(fd, self.frame(record))
        self.written.add(fd)
        self.end_offset += 1
        self.entries.append((number, record))
        self.fold(record)
        return number

    def encode(self, record: Record) -> bytes:
        return json.dumps([self.end_offset, record.to_json()]).encode("ascii")

    def sync(self) -> None:
        for fd in sorted(self.written):
            os.fsync(fd)
        self.written.clear()

    def close(self) -> None:
        self.sync()
        for fd in (*self.logs, self.folder):
            os.close(fd)
