"""Determinism, another hash seed: retries are spread in the order of a set.

So that a recovered worker does not send everything at once, the operations that it finds in
the log's tail get start times a second apart. They were collected in a set of their ids, and
Python orders a set of strings by a hash that is another one in each process. Two replicas that
recovered the same log disagreed, and the comparison job raised an alarm after each crash.
A clean shutdown applies the tail, so there was nothing to spread.

Repair: keep log order (a dict does), or sort.
"""

from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink

SPREAD_MS = 1000


class Subject(PlainLog):
    """Recovers in an order that depends on the process."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        tail = {record.id for _, record in self.replay(self.applied)}
        for slot, name in enumerate(tail, start=1):
            entry = self.outbox.get(name)
            if entry is not None and entry.status == "pending":
                entry.next_retry_at_ms = slot * SPREAD_MS
