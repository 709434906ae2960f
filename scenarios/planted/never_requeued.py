"""Requeue: what was in flight when the process died stays in flight for ever.

Timeouts were kept for the operations that this process had sent. Those that an earlier one had
sent were in the saved state as in flight, and nobody watched them. A clean shutdown hands its
operations back, so the first crash in a year left a few dozen that were never heard of again.

Repair: at boot, watch every operation that the state says is in flight.
"""

from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink


class Subject(PlainLog):
    """Forgets to give up on what another process has sent."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        self.sent_before = dict(self.in_flight)

    def requeue(self, now_ms: int) -> None:
        super().requeue(now_ms)
        self.in_flight |= {n: at for n, at in self.sent_before.items() if self.is_open(n)}

    def is_open(self, name: str) -> bool:
        return self.outbox[name].status == "pending"

    def close(self) -> None:
        self.in_flight = {n: at for n, at in self.sent_before.items() if self.is_open(n)}
        super().close()
