"""A small log in files of a fixed size, wrong or particular in one way if asked for."""

import json
import os
from pathlib import Path

from walcrash.subjects.adapter import Adapter, DefiniteFailure, EffectSink
from walcrash.values.contract import Contract
from walcrash.values.record import Record, RecordType


class Segmented(Adapter):
    """One JSON record a line, in files that are left before they get longer than `segment`.

    Args:
        segment: bytes of a file.
        most: the longest payload that is taken.
        dies: whether a longer one ends the process; else it is refused for certain.
        keeps_second_marks: whether a MarkDone of what is done is kept.
        reads: how many files are read.
        room: bytes of all records together, of which no more are taken.
    """

    contract = Contract()
    supports = frozenset({"reopen", "sync"})

    def __init__(
        self,
        *,
        segment: int = 10_000,
        most: int = 1_000_000,
        dies: bool = False,
        keeps_second_marks: bool = True,
        reads: int = 1_000_000,
        room: int = 1_000_000,
    ) -> None:
        self.segment, self.most, self.dies = segment, most, dies
        self.keeps_second_marks, self.reads, self.room = keeps_second_marks, reads, room

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.directory, self.items, self.done, self.held = directory, [], set(), 0
        self.numbers = sorted(int(name[4:]) for name in os.listdir(directory))
        for number in self.numbers[: self.reads]:
            for line in (directory / f"seg.{number}").read_bytes().split(b"\n")[:-1]:
                self._take(Record.from_json(json.loads(line)))
                self.held += len(line) + 1
        self.fd = self._begin()

    def _begin(self) -> int:
        self.used = 0
        self.numbers.append(max(self.numbers, default=0) + 1)
        return os.open(self.directory / f"seg.{self.numbers[-1]}", os.O_CREAT | os.O_WRONLY, 0o644)

    def _take(self, record: Record) -> None:
        self.items.append(record)
        if record.type is RecordType.DONE:
            self.done.add(record.id)

    def append(self, record: Record) -> int:
        if len(record.payload) > self.most:
            if self.dies:
                os._exit(3)
            raise DefiniteFailure("too long")
        if record.id in self.done and not self.keeps_second_marks:
            return len(self.items)
        line = json.dumps(record.to_json()).encode() + b"\n"
        if self.held + len(line) > self.room:
            raise DefiniteFailure("full")
        self.held += len(line)
        if self.used and self.used + len(line) > self.segment:
            os.close(self.fd)
            self.fd = self._begin()
        os.write(self.fd, line)
        os.fsync(self.fd)
        self.used += len(line)
        self._take(record)
        return len(self.items) - 1

    def sync(self) -> None:
        pass

    def replay(self, from_offset: int):
        return list(enumerate(self.items))[from_offset:]

    def end(self) -> int:
        return len(self.items)

    def close(self) -> None:
        os.close(self.fd)
