"""Subjects that are wrong in ways which a user has to be told about."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from walcrash.subjects.adapter import Adapter, EffectSink
from walcrash.values.record import Record


class Forgetful(Adapter):
    """Keeps its records in memory, and nothing else."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> int:
        self.records.append(record)
        return len(self.records) - 1

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        return list(enumerate(self.records))[from_offset:]

    def end(self) -> int:
        return len(self.records)

    def close(self) -> None:
        self.records.clear()


class Sleepy(Forgetful):
    """Sleeps for ten minutes when it is opened."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        time.sleep(600)


class Unlicensed(Forgetful):
    """Does not open."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        (directory / "lock").touch()
        os.write(2, b"looking for the licence\nthere is no licence\n")
        os._exit(3)
