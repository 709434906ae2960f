"""Errors of this room: an event that no rule is known for.

Not here: how it is reported; it makes the case inconclusive (`walcrash.values.errors`).
"""

from walcrash.values.errors import Inconclusive
from walcrash.values.event import Event


class NotModelled(Inconclusive):
    """An event means something that the model does not know; the case says nothing.

    Attributes:
        event: the event; None where the error has come back from another process.
    """

    def __init__(self, message: str, *, hint: str = "", event: Event | None = None) -> None:
        super().__init__(message, hint=hint)
        self.event = event


def not_modelled(event: Event, index: int, why: str) -> NotModelled:
    """Return, to be raised, the error for an event at its position in the trace."""
    return NotModelled(
        f"event {index} cannot be modelled: {event}: {why}; no image was made of this trace",
        event=event,
    )
