"""What the ledger follows of one boot: its events, and what ended it.

Not here: how boots are brought into this form (`walcrash.findings.fates`).
"""

from dataclasses import dataclass

from walcrash.values.event import Event
from walcrash.values.fate import EventRef
from walcrash.values.image import Image
from walcrash.values.story import Aspect, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a power loss took of one event's change, and what it kept of it.

    Attributes:
        ref: the event that made the change.
        path: the name that it is about; a directory's ends with a slash.
        aspect: what was changed.
        lost: ranges of bytes; of a name or a size, empty.
        kept: the same for what was kept.
    """

    ref: EventRef
    path: str
    aspect: Aspect
    lost: tuple[Range, ...] = ()
    kept: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTrace:
    """One boot: what happened until it ended, the last write cut to what happened of it.

    Attributes:
        events: those that happened, in order.
        torn: the event that the crash fell within, by its position; None if there is none.
        image: what a power loss left; None after a kill or a close, which leave memory as it is.
        losses: what that power loss took.
    """

    events: tuple[Event, ...]
    torn: int | None = None
    image: Image | None = None
    losses: tuple[Loss, ...] = ()
