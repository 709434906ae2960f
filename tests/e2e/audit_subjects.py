"""Subjects that sync in one way each: small logs of JSON lines, right under ext4 or not."""

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from walcrash.subjects.adapter import Adapter, EffectSink
from walcrash.values.contract import Contract
from walcrash.values.record import Record, RecordType


class Lean(Adapter):
    """One sync for each append, and nothing else.

    A torn tail is cut and the cut is not synced: what comes back of it is cut once more.
    """

    contract = Contract()
    supports = frozenset({"reopen"})
    flags = 0

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.directory = directory
        mode = os.O_RDWR | os.O_CREAT | os.O_APPEND | self.flags
        self.fd = os.open(directory / "log", mode, 0o600)
        data = os.pread(self.fd, os.fstat(self.fd).st_size, 0)
        self.entries: list[tuple[int, Record]] = []
        self.size = 0
        for line in data.splitlines(keepends=True):
            if not self.take(line):
                os.ftruncate(self.fd, self.size)
                break

    def take(self, line: bytes) -> bool:
        """Add the record of a whole line."""
        try:
            record = Record.from_json(json.loads(line)) if line.endswith(b"\n") else None
        except ValueError:
            record = None
        if record is None:
            return False
        self.entries.append((self.size, record))
        self.size += len(line)
        return True

    def append(self, record: Record) -> int:
        offset = self.size
        line = json.dumps(record.to_json()).encode("ascii") + b"\n"
        os.write(self.fd, line)
        self.sync_append(record)
        self.take(line)
        return offset

    def sync_append(self, record: Record) -> None:
        os.fsync(self.fd)

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        return [entry for entry in self.entries if entry[0] >= from_offset]

    def end(self) -> int:
        return self.size

    def close(self) -> None:
        os.close(self.fd)


class Twice(Lean):
    """Syncs each append twice: either of them may go, not both."""

    def sync_append(self, record: Record) -> None:
        os.fsync(self.fd)
        os.fsync(self.fd)


class Hinting(Lean):
    """Keeps a file that nobody reads, and syncs it."""

    def sync_append(self, record: Record) -> None:
        os.fsync(self.fd)
        hint = os.open(self.directory / "hint", os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(hint, b"%8d" % self.size, 0)
        os.fsync(hint)
        os.close(hint)


class Heedless(Hinting):
    """Keeps the hint, and does not look at what becomes of it."""

    def sync_append(self, record: Record) -> None:
        Lean.sync_append(self, record)
        hint = os.open(self.directory / "hint", os.O_WRONLY | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):
            os.fsync(hint)
        os.close(hint)


class Synchronous(Lean):
    """Needs no call to sync: each write is durable when it returns."""

    flags = os.O_SYNC

    def sync_append(self, record: Record) -> None:
        pass


class ForgetsMarks(Lean):
    """Syncs what was put, and forgets the marks."""

    def sync_append(self, record: Record) -> None:
        if record.type is RecordType.PUT:
            os.fsync(self.fd)
