"""Repeated effect: the send queue is loaded after the log was replayed.

The engine keeps a queue of what is to be sent and saves it with the state. At boot it replayed
the log's tail, which took finished operations off the queue, and then loaded the saved queue,
which put them back. The outbox said done and the customer was charged twice.

Repair: load the queue first and replay over it; or build it from the outbox, which is right.
"""

import json
from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink, Record, RecordType


class Subject(PlainLog):
    """Sends what is done."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.queue: list[str] = []
        super().open(directory, effect)
        saved: list[str] = json.loads(self.load("queue", b"[]"))
        self.queue = saved + [name for name in self.queue if name not in saved]

    def fold(self, record: Record) -> None:
        super().fold(record)
        if record.type is RecordType.PUT:
            self.queue.append(record.id)
        elif record.type is RecordType.DONE and record.id in self.queue:
            self.queue.remove(record.id)

    def due(self, now_ms: int) -> list[str]:
        retries = [n for n in super().due(now_ms) if self.outbox[n].status == "failed"]
        fresh = [n for n in self.queue if self.outbox[n].attempts == 0]
        return retries + [name for name in fresh if name not in self.in_flight]

    def save_state(self) -> None:
        self.save("queue", json.dumps(self.queue).encode("ascii"))
        super().save_state()
