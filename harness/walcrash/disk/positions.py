"""Crash positions: where a crash may fall in a trace, one after the other, on one file system.

A crash falls before or after all that one comparison of the mappings found, and not between: in
which order it was stored is not known, so what memory held in between is not known either.

Not here: which of the positions a search tries (`walcrash.case.power_loss`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Final

from walcrash.disk.pending import Pending
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event, EventKind
from walcrash.values.image import Image
from walcrash.values.moments import SECTOR_BYTES, CrashPosition, Placement
from walcrash.values.persistence import WEAKEST
from walcrash.values.tears import ANY_BYTE, cuts, sector_bytes, telling_cuts

# limits
MOST_CRASH_POINTS_IN_A_WRITE: Final = 64
"""Most sector boundaries in one write that are crash points; those beyond are passed over."""

_SILENT: Final = frozenset(
    {EventKind.ATTRIBUTE, EventKind.SYNC_RANGE, EventKind.MAP, EventKind.CLOSE, EventKind.SLOW}
)
"""What changes nothing that an image shows; an attribute does where it is a mode."""


def crash_states(
    base: Image,
    events: Iterable[Event],
    *,
    atomic_bytes: int = SECTOR_BYTES,
    weakest: PersistenceModel = WEAKEST,
    is_within_writes: bool = True,
    earlier: Iterable[Iterable[Event]] = (),
    wanted: Collection[CrashPosition] | None = None,
) -> Iterator[tuple[CrashPosition, Pending]]:
    """Yield each crash position with the file system at it, in the order of the trace.

    The file system is one and the same, and goes on when the next position is asked for; so
    memory is that of what is pending, however many positions there are.

    Args:
        base: the durable image at the start.
        events: the trace.
        atomic_bytes: what is written whole, as in the contract.
        weakest: the weakest model that will be asked for.
        is_within_writes: whether there are positions within writes.
        earlier: the traces of boots before this one that were killed or closed with the power
            on, so that what they did not sync is still pending. No crash falls in them, but
            positions count their events as well.
        wanted: the positions that are yielded; None for all of them.

    Raises:
        NotModelled: an event means something that the model has no rule for.
    """
    pending = Pending(base, sector_bytes=sector_bytes(atomic_bytes), weakest=weakest)
    for boot in earlier:
        pending.apply_boot(boot)
    first = CrashPosition(pending.next_event, Placement.BEFORE)
    if wanted is None or first in wanted:
        yield first, pending
    wanted_events = None if wanted is None else {each.event_index for each in wanted}
    last_wanted = max(wanted_events or (), default=-1)
    with_next = pairwise(chain(events, [None]))
    for index, (event, following) in enumerate(with_next, start=pending.next_event):
        assert event is not None, "only the last one is followed by nothing"
        if wanted_events is not None and index not in wanted_events:
            if index > last_wanted:
                return
            pending.apply(event)
            continue
        if is_within_writes and event.kind is EventKind.WRITE:
            for kept in _kept_within(event, atomic_bytes):
                within = CrashPosition(index, Placement.WITHIN, kept)
                if wanted is None or within in wanted:
                    with pending.torn(event, kept):
                        yield within, pending
        pending.apply(event)
        at = CrashPosition(index, Placement.AFTER)
        if _is_telling(event, following) and (wanted is None or at in wanted):
            yield at, pending


def crash_positions(
    events: Sequence[Event], *, first: int = 0, atomic_bytes: int = SECTOR_BYTES
) -> Iterator[CrashPosition]:
    """Yield the positions of `crash_states`, which are known from the trace alone.

    Args:
        events: the trace.
        first: how many events earlier boots have in the positions' count.
        atomic_bytes: what is written whole, as in the contract.
    """
    yield CrashPosition(first, Placement.BEFORE)
    for index, (event, following) in enumerate(pairwise(chain(events, [None])), start=first):
        assert event is not None, "only the last one is followed by nothing"
        if event.kind is EventKind.WRITE:
            for kept in _kept_within(event, atomic_bytes):
                yield CrashPosition(index, Placement.WITHIN, kept)
        if _is_telling(event, following):
            yield CrashPosition(index, Placement.AFTER)


def _kept_within(event: Event, atomic_bytes: int) -> list[int]:
    """Return how many bytes of a write are in memory at each crash position within it."""
    return [*crash_points_in_write(event, atomic_bytes), *whole_in_memory(event)]


def _is_telling(event: Event, following: Event | None) -> bool:
    """Whether what is there after an event may differ from what was there before it."""
    is_same_diff = event.is_no_call and following is not None and following.is_no_call
    is_silent = event.kind in _SILENT and event.mode < 0
    return event.result >= 0 and not is_silent and not is_same_diff


def crash_points_in_write(event: Event, atomic_bytes: int = SECTOR_BYTES) -> list[int]:
    """Return the crash points in a write: how many of its bytes are in memory, in order.

    They are the ends of sectors in it; where nothing is relied upon, telling bytes as well.
    """
    if event.is_no_call:
        return []
    length = min(event.result, len(event.data))
    ends = cuts(event.offset, length, sector_bytes(atomic_bytes))[:MOST_CRASH_POINTS_IN_A_WRITE]
    return sorted({*ends, *(telling_cuts(length) if atomic_bytes == ANY_BYTE else ())})


def byte_tears_in_write(event: Event) -> list[int]:
    """Return the crash points in a write that lie inside a sector, as `crash_points_in_write`."""
    possible = crash_points_in_write(event)
    return [kept for kept in crash_points_in_write(event, ANY_BYTE) if kept not in possible]


def whole_in_memory(event: Event) -> list[int]:
    """Return the crash point at which a synchronous write is in memory and not yet durable."""
    length = min(event.result, len(event.data))
    return [length] if event.is_synchronous and not event.is_stored and length > 0 else []
