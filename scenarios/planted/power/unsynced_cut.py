"""Phantom record after two power failures: recovery cuts a file and appends to another one.

Puts and marks go to a file each, and every record has a number. Puts wait for `sync`, marks are
durable at once, since there are few of them. Recovery takes the records up to the first number
that is missing and cuts both files there; it syncs the puts, and leaves the marks to the next
mark. A power failure had left a mark without the put before it. Recovery cut the mark off, a new
put took the missing number and was synced, and after the next power failure the mark was back
behind it.

Repair: sync every file that was cut before anything is appended.
"""

import json
import os
from pathlib import Path

from power_base import FRAME, DurableLog, write_all

from harness.values.contract import Acknowledges, Contract, PersistenceModel
from harness.values.record import Record, RecordType

FILES = {"puts": 0, "marks": os.O_DSYNC}


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
        self.log, self.marks = (
            os.open(path, flags | more, 0o644)
            for path, more in zip(paths, FILES.values(), strict=True)
        )
        self.sync_folder()
        puts, marks = (self.records_of(path) for path in paths)
        found = marks | puts
        self.end_offset = next(n for n in range(len(found) + 1) if n not in found)
        self.entries = [(n, found[n][0]) for n in range(self.end_offset)]
        os.ftruncate(self.marks, self.end_of(marks))
        os.ftruncate(self.log, self.end_of(puts))
        self.sync_log()

    def records_of(self, path: Path) -> dict[int, tuple[Record, int]]:
        """Return each whole record of a file, and where it ends, by its number."""
        data, position, found = path.read_bytes(), 0, {}
        while (body := self.body_at(data, position)) is not None:
            position += FRAME.size + len(body)
            number, record = json.loads(body)
            found[number] = Record.from_json(record), position
        return found

    def end_of(self, part: dict[int, tuple[Record, int]]) -> int:
        """Return where the last record of a file ends that recovery has taken."""
        return max((end for n, (_, end) in part.items() if n < self.end_offset), default=0)

    def append(self, record: Record) -> int:
        number = self.end_offset
        write_all(self.log if record.type is RecordType.PUT else self.marks, self.frame(record))
        self.end_offset += 1
        self.entries.append((number, record))
        self.fold(record)
        return number

    def encode(self, record: Record) -> bytes:
        return json.dumps([self.end_offset, record.to_json()]).encode("ascii")

    def sync(self) -> None:
        self.sync_log()

    def close(self) -> None:
        self.sync_log()
        for fd in (self.log, self.marks, self.folder):
            os.close(fd)
