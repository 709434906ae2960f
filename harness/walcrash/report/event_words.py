"""Events of a case by name, as `explain` and the event log number them, and what they did.

Not here: sentences about a record (`fate_words`) or about what a recovery found (`found_words`).
"""

from collections.abc import Sequence
from typing import Final

from walcrash.report.text import escape
from walcrash.values.event import EventKind
from walcrash.values.fate import EventRef

_DONE: Final = {
    EventKind.CREATE: "made",
    EventKind.WRITE: "wrote",
    EventKind.TRUNCATE: "cut",
    EventKind.ALLOCATE: "emptied a range of",
    EventKind.RENAME: "renamed",
    EventKind.LINK: "linked",
    EventKind.UNLINK: "removed",
}


def named(ref: EventRef) -> str:
    """Return an event's name."""
    whose = f"boot {ref.boot}" if ref.boot else "that recovery"
    return f"event {ref.event} of {whose}"


def listing(refs: Sequence[EventRef]) -> str:
    """Return what several events did."""
    return "; ".join(f"{named(ref)} {did(ref)}" for ref in refs)


def did(ref: EventRef) -> str:
    """Return what an event did, to which file."""
    to = f" to {escape(ref.path_to)}" if ref.path_to else ""
    during = ", in its recovery" if ref.is_recovery and ref.boot else ""
    return f"{_DONE.get(ref.kind, ref.kind.value)} {escape(ref.path)}{to}{during}"


def left_words(ref: EventRef) -> str:
    """Return what a write left that is not there as a whole."""
    if ref.is_hole:
        return "left, a write of which a power loss kept the size alone"
    return "left, a write that was cut short" if ref.is_short else "left of a torn write"
