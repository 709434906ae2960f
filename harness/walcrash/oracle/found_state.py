"""What a recovery had found that failed, or that new records were lost behind.

Not here: what became of one record (`fate`), and any sentence (`walcrash.report.fate_words`).
"""

import re
from collections.abc import Sequence
from typing import Final

from walcrash.oracle.boot_trace import BootTrace
from walcrash.oracle.ledger import Ledger
from walcrash.values.cause import name_pattern
from walcrash.values.event import EventKind
from walcrash.values.fate import (
    SINCE_SHOWN,
    EventRef,
    FateKind,
    FoundFate,
    RecordFate,
    event_ref,
)

_CHANGES: Final = frozenset(
    {EventKind.WRITE, EventKind.TRUNCATE, EventKind.RENAME, EventKind.LINK, EventKind.UNLINK}
)
_MAKE_NAMES: Final = frozenset({EventKind.CREATE, EventKind.RENAME, EventKind.LINK})


def found_state(
    ledger: Ledger,
    known: frozenset[str],
    message: str = "",
    boots: Sequence[BootTrace] = (),
) -> FoundFate | None:
    """Return what a recovery that failed had found; None where that tells nothing.

    Args:
        ledger: the files as it found them.
        known: the names that the last successful `open` had found or made.
        message: what the recovery said; a name that was taken, and that it has, is what it lacked.
        boots: those before it.
    """
    patterns = {name_pattern(name) for name in known}
    new = [
        ref
        for name, ref in ledger.ever_made.items()
        if name in ledger.names and name_pattern(name) not in patterns
    ]
    taken = {
        name: ref
        for name, ref in ledger.taken.items()
        if name not in ledger.names and not _is_moved(ref, ledger)
    }
    named = [ref for name, ref in taken.items() if _has_name(message, name)]
    gone = [ref for name, ref in taken.items() if name in known]
    empty = ledger.empty_names()
    failed = ledger.failed.into({ledger.names[name] for name in empty})
    cuts = [
        ref for _, ref in ledger.changes if ref.kind is EventKind.TRUNCATE and ref.path in empty
    ]
    # What the power loss itself took tells more than what it left as it was.
    every = [item for item in ledger.torn if not item.is_hole]
    by_power = [item for item in every if not item.is_carried]
    torn = by_power if by_power or ledger.unkept else every
    if not (torn or ledger.unkept or failed or named):
        emptied = [ref for ref in cuts if ref.path in known and _is_open(ref, boots)]
        return _of_names(ledger, new[-SINCE_SHOWN:], gone[-SINCE_SHOWN:], emptied)
    return FoundFate(
        torn=tuple(item.ref for item in torn[-SINCE_SHOWN:]),
        named=tuple(named[-SINCE_SHOWN:]),
        lost=tuple(ledger.unkept[-SINCE_SHOWN:]),
        failed=tuple(failed[-SINCE_SHOWN:]),
        failed_sync=_failed_sync(ledger),
        is_over=bool(torn) and torn[-1].is_over,
        outlived_by=torn[-1].outlived_by if torn else None,
        kept_after=_kept_after(ledger.unkept[-1], boots) if ledger.unkept else None,
        emptied=_emptied_for(ledger.unkept[-1], cuts, boots) if ledger.unkept else None,
    )


def _of_names(
    ledger: Ledger, new: Sequence[EventRef], gone: Sequence[EventRef], emptied: Sequence[EventRef]
) -> FoundFate | None:
    """Return what a recovery had found where nothing was torn or lost, and it names nothing.

    Args:
        ledger: the files as it found them.
        new: what made names that no `open` had found.
        gone: what took names that the last `open` had found or made.
        emptied: what emptied files in calls that had not filled them again.
    """
    unnamed = _unnamed(ledger)
    if unnamed:
        return FoundFate(unnamed=unnamed[-SINCE_SHOWN:])
    half_done = None if new or gone else _half_done(ledger)
    if half_done is not None:
        return half_done
    # What was made before a file was emptied was there when it was whole.
    if emptied and all(ref.place < emptied[-1].place for ref in (*new, *gone)):
        return FoundFate(emptied=emptied[-1])
    if not new and not gone:
        return None
    return FoundFate(new=tuple(new), gone=tuple(gone), failed_sync=_failed_sync(ledger))


def _unnamed(ledger: Ledger) -> tuple[EventRef, ...]:
    """Return what made the names that the last power loss took, and kept one that came later."""
    # What an event had taken again before that is no loss.
    known = {*ledger.names, *ledger.taken}
    lost = [
        loss.ref
        for loss in ledger.lost_names
        if loss.ref.kind in _MAKE_NAMES and loss.path not in known
    ]
    made = [ref.place for name, ref in ledger.ever_made.items() if name in ledger.names]
    return tuple(ref for ref in lost if any(ref.place < place for place in made))


def _emptied_for(
    lost: EventRef, cuts: Sequence[EventRef], boots: Sequence[BootTrace]
) -> EventRef | None:
    """Return which of some truncations emptied a file in the call whose write to it was lost."""
    own = [
        ref
        for ref in cuts
        if ref.path == lost.path and ref.boot == lost.boot and ref.event < lost.event
        if _call(ref, boots) == _call(lost, boots)
    ]
    return own[-1] if own else None


def _call(ref: EventRef, boots: Sequence[BootTrace]) -> int | None:
    """Return the call of an event; None for one of a recovery that is not among the boots."""
    return boots[ref.boot - 1].events[ref.event].call if 0 < ref.boot <= len(boots) else None


def _is_open(ref: EventRef, boots: Sequence[BootTrace]) -> bool:
    """Whether the call of an event had not been answered: what it emptied it was to fill again."""
    call = _call(ref, boots)
    if call is None:
        return False
    later = boots[ref.boot - 1].events[ref.event + 1 :]
    return not any(event.kind is EventKind.REPLY and event.call == call for event in later)


def _kept_after(lost: EventRef, boots: Sequence[BootTrace]) -> EventRef | None:
    """Return the one change behind a lost write that its call made and that was kept."""
    if not 0 < lost.boot <= len(boots):
        return None
    events = boots[lost.boot - 1].events
    taken = {loss.ref.place for boot in boots for loss in boot.losses}
    later = [
        event_ref(lost.boot, at, events[at])
        for at in range(lost.event + 1, len(events))
        if events[at].call == events[lost.event].call
        if events[at].kind in _CHANGES and events[at].result >= 0
    ]
    kept = [ref for ref in later if ref.place not in taken]
    return kept[0] if len(kept) == 1 else None


def _half_done(ledger: Ledger) -> FoundFate | None:
    """Return the renames that left both names to one file; None where there are none."""
    refs = [
        ref
        for name, ref in ledger.ever_made.items()
        if ref.kind is EventKind.RENAME
        and ref.path in ledger.names
        and ledger.names[ref.path] == ledger.names.get(name)
    ]
    if not refs:
        return None
    last = refs[-1]
    cuts = [
        ref
        for _, ref in ledger.changes
        if ref.kind is EventKind.TRUNCATE and ref.path == last.path and ref.place > last.place
    ]
    cut_by = cuts[-1] if cuts else None
    return FoundFate(half_done=tuple(refs[-SINCE_SHOWN:]), cut_by=cut_by)


def left_torn(ledger: Ledger) -> FoundFate | None:
    """Return what a recovery that has opened left of torn writes; None where it left nothing."""
    torn = tuple(item.ref for item in ledger.torn[-SINCE_SHOWN:])
    return FoundFate(torn=torn, is_left=True) if torn else None


def left_of_shown(ledger: Ledger, told: RecordFate, number: int) -> FoundFate | None:
    """Return the torn write that a record is shown from which an earlier recovery had not shown.

    What was appended behind it, or over its end, has made it whole.

    Args:
        ledger: of the case.
        told: the fate of the record.
        number: of the boot whose recovery shows it.

    Returns:
        None where it is shown from no torn write, or from one that no recovery before had found.
    """
    is_shown = not told.is_missing and told.kind is FateKind.THERE
    if not is_shown or told.copies[0].written.boot >= number - 1:
        return None
    torn = tuple(each.ref for each in ledger.torn if each.ref == told.copies[0].written)
    return FoundFate(torn=torn, is_left=True) if torn else None


def _failed_sync(ledger: Ledger) -> EventRef | None:
    """Return the last sync that failed of a write of which not all was kept."""
    of_torn = [item.failed_sync for item in ledger.torn]
    of_unkept = [ledger.failed_syncs.of(ref) for ref in ledger.unkept]
    failed = [sync for sync in (*of_torn, *of_unkept) if sync is not None]
    return failed[-1] if failed else None


def _has_name(message: str, name: str) -> bool:
    """Whether a message has a file's name, without its directory, as a word of its own."""
    word = re.escape(name.rpartition("/")[2])
    return re.search(rf"(?<![\w.-]){word}(?![\w-]|\.\w)", message) is not None


def _is_moved(ref: EventRef, ledger: Ledger) -> bool:
    """Whether a name went by a rename whose file is there under the new one."""
    return ref.kind is EventKind.RENAME and ref.path_to in ledger.names
