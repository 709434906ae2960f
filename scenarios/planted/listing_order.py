"""Determinism, another directory order: a spool directory is read as the file system lists it.

Each put also left a file in `spool/`, named by its offset, for a dashboard. Recovery went
through that directory to give the operations of the log's tail start times a second apart. The
order of `os.listdir` is the file system's own: after a restore on another machine the same
files came in another order, and so did the operations.

Repair: sort what `os.listdir` returns, by number.
"""

import os
from pathlib import Path

from planted_base import PlainLog, write_file

from walcrash import EffectSink, Record, RecordType

SPREAD_MS = 1000


class Subject(PlainLog):
    """Recovers in an order that depends on the file system."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        self.spool = directory / "spool"
        self.spool.mkdir(exist_ok=True)
        tail = {offset: record.id for offset, record in self.replay(self.applied)}
        names = [tail.get(int(name)) for name in os.listdir(self.spool)]
        for slot, name in enumerate(names, start=1):
            entry = self.outbox.get(name or "")
            if entry is not None and entry.status == "pending":
                entry.next_retry_at_ms = slot * SPREAD_MS

    def append(self, record: Record) -> int:
        offset = super().append(record)
        if record.type is RecordType.PUT:
            write_file(self.spool / str(offset), b"")
        return offset
