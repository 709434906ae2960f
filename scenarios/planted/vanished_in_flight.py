"""Requeue: what is in flight is left out of the saved state, and vanishes with the process.

An operation in flight will soon be done or failed, so `apply` saved the others only, and the
checkpoint went past its put. A kill before its mark left nothing to send again: the put was
below the checkpoint, and the state did not know it.

Repair: save every operation, whatever its status.
"""

from planted_base import PlainLog


class Subject(PlainLog):
    """Forgets what it has sent."""

    def save_state(self) -> None:
        everything = self.outbox
        self.outbox = {n: e for n, e in everything.items() if n not in self.in_flight}
        super().save_state()
        self.outbox = everything

    def close(self) -> None:
        self.in_flight.clear()
        super().close()
