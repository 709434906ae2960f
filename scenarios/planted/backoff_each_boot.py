"""Idempotence: each recovery adds to the delay of what a crash interrupted.

Operations of the log's tail are delayed by a second at recovery, and the delay is saved. So far
so good; but an operation that had a delay got another second from every later boot, though
nobody had tried it in between. In a crash loop the outbox receded into the next day.

Repair: compute the delay from what the log says, not from what the last recovery made of it.
"""

from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink

BACKOFF_MS = 1000


class Subject(PlainLog):
    """Recovers something else each time."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        tail = [record.id for _, record in self.replay(self.applied)]
        for name, entry in self.outbox.items():
            is_interrupted = name in tail or entry.next_retry_at_ms > 0
            if entry.status == "pending" and is_interrupted:
                entry.next_retry_at_ms += BACKOFF_MS
        self.apply()
