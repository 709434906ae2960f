"""Moments: points in a trace, finer than events, and the crash positions among them.

Everything that happens to the disk is a row of parts. A write has one part for each sector that
it touches, in file order; every other event that changes something has one part. A moment is a
whole number that says how far a trace has come: so many parts of event n, and all of the events
before it. Moments compare as they should, and two moments of one event never mix with another's.

Not here: which parts changed what (`walcrash.disk.file_history`, `walcrash.disk.names`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.forms import As, Whole
from walcrash.values.quick_enum import QuickEnum

# limits
PARTS: Final = 1 << 23
"""Room for the parts of one event: the largest write has 4,194,296 sectors of 512 bytes."""

SECTOR_BYTES: Final = 512
"""What a device writes whole or not at all, unless a caller states another size."""

BLOCK_BYTES: Final = 4096
"""What a file system writes at a time, unless a caller states another size."""

Moment = int
"""Event index times `PARTS`, plus how many of the event's parts have happened."""


STALE: Final[Moment] = -1
"""In the place of a sector's moment: the bytes that its block held before it was this file's."""


class Placement(QuickEnum):
    """Where a crash falls: before an event, in the middle of a write, or after an event."""

    BEFORE = "before"
    WITHIN = "within"
    AFTER = "after"


def before(event_index: int) -> Moment:
    """Return the moment at which nothing of an event has happened."""
    return event_index * PARTS


def after(event_index: int) -> Moment:
    """Return the moment at which all of an event has happened, and nothing of the next."""
    return (event_index + 1) * PARTS


def part(event_index: int, number: int) -> Moment:
    """Return the moment at which so many parts of an event have happened."""
    assert 0 <= number < PARTS, "an event has fewer parts"
    return event_index * PARTS + number


def split(moment: Moment) -> tuple[int, int]:
    """Return the event that is under way at a moment, and how many of its parts have happened."""
    return divmod(moment, PARTS)


_Pair = tuple[Annotated[int, Whole(0)], Annotated[int, Whole(0, PARTS - 1)]]

WRITTEN_MOMENT: Final = As(_Pair, split, lambda pair: part(*pair))
"""A moment in JSON: an event, and how many of its parts have happened."""

WRITTEN_MOMENT_OR_STALE: Final = As(
    _Pair | None,
    lambda moment: None if moment == STALE else split(moment),
    lambda pair: STALE if pair is None else part(*pair),
)
"""The same, or null for `STALE`."""


def sectors_of(start: int, end: int, sector_bytes: int) -> range:
    """Return the sectors that a range of bytes touches."""
    if end <= start:
        return range(0)
    return range(start // sector_bytes, (end - 1) // sector_bytes + 1)


@dataclass(frozen=True, slots=True)
class CrashPosition:
    """Where a crash falls in a trace.

    Attributes:
        event_index: the position of an event in the trace.
        placement: before it, within it (a write only), or after it.
        kept_bytes: for `WITHIN`: how many bytes of the write have reached memory; at least one
            has, and at least one has not, but where a synchronous write has yet to be durable.
    """

    event_index: Annotated[int, Whole(0)]
    placement: Placement = Placement.AFTER
    kept_bytes: Annotated[int, Whole(0)] = 0

    @property
    def whole_events(self) -> int:
        """How many events have happened whole."""
        return self.event_index + (self.placement is Placement.AFTER)

    def __str__(self) -> str:
        """Return the form that reports use: `after event 14`."""
        return self.at("event {}".format)

    def at(self, name: Callable[[int], str]) -> str:
        """Return that form, with another name for the event."""
        text = f"{self.placement.value} {name(self.event_index)}"
        if self.placement is Placement.WITHIN:
            text += f", bytes 0-{self.kept_bytes - 1} kept"
        return text
