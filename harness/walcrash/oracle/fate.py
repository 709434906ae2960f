"""The fate of what a finding is about, from the events of its case alone.

The record of a violation is followed through the trace (`ledger`). Where its bytes are there and
were not shown, it is said what was shown of their file and what happened since; where they are
not there, which event took them, or which sync was missing. What a recovery that failed had found
is told by what was new there.

It is silent where the events do not decide: for what a recovery without a trace did, for a
record whose payload is not found with it, for events that are not followed, and where the image
of the case does not have the bytes that the events say it has.

Not here: what is right (`judge`), and any sentence (`walcrash.report.fate_words`).
"""

from collections.abc import Sequence
from dataclasses import replace

from walcrash.oracle.boot_trace import BootTrace
from walcrash.oracle.followed import Followed
from walcrash.oracle.found_state import found_state, left_of_shown, left_torn
from walcrash.oracle.ledger import Ledger, LostTrack
from walcrash.oracle.number_reuse import reuse_of
from walcrash.oracle.record_teller import RecordTeller
from walcrash.oracle.stale import Stale
from walcrash.values.fate import (
    Fate,
    FateKind,
    Outlived,
    Reading,
    RecordFate,
)
from walcrash.values.history import History, RecoveryName
from walcrash.values.image import Image
from walcrash.values.recovery import Recovery, RecoveryFailure
from walcrash.values.rules import Invariant
from walcrash.values.verdict import Violation

_CHECKPOINT_RULES = (Invariant.CHECKPOINT_AHEAD, Invariant.CHECKPOINT_STATE)


def fate_of(
    history: History,
    boots: Sequence[BootTrace],
    violation: Violation,
    *,
    image: Image | None,
    recovery_trace: BootTrace | None = None,
    beside: Sequence[Violation] = (),
) -> Fate | None:
    """Return what the events of a case say about one violation; None where they say nothing.

    Args:
        history: all boots of the case, and the recoveries.
        boots: the events of each boot.
        violation: what was broken.
        image: what the last crash left, where it is known.
        recovery_trace: what the first recovery of that did until it had opened, if it is known.
        beside: what else the case breaks.
    """
    found = _followed_recovery(history, violation)
    if found is None:
        return _of_live_replay(history, boots, violation)
    number, recovery = found
    reused = None
    if violation.invariant in _CHECKPOINT_RULES and isinstance(recovery, Recovery):
        reused = reuse_of(history, recovery)
        if reused is None:
            return None
    try:
        followed = Followed(history, boots)
        followed.follow(number, recovery, image, recovery_trace)
    except LostTrack:
        return None
    if isinstance(recovery, RecoveryFailure):
        state = found_state(followed.ledger, followed.known, recovery.message, boots)
        return None if state is None else Fate(found=state)
    teller = RecordTeller(history, boots, followed.ledger, recovery, number, followed.denied)
    stale = Stale(history, boots[: number - 1], teller.tell)
    if is_behind_new_records(history, violation):
        return None if recovery_trace is None else _left_behind(followed.ledger, stale, violation)
    if reused is not None:
        # A number is free again where its record is lost: then it matters how that was lost.
        lost = teller.tell(reused.ts_ms)
        if lost is None or lost.kind not in (FateKind.NOT_DURABLE, FateKind.NEVER_WRITTEN):
            return Fate(reuse=reused.told)
        return Fate(record=replace(lost, outlived_by=Outlived.STATE))
    if violation.record_ts_ms is None:
        return None
    told = teller.tell(violation.record_ts_ms)
    if told is not None and number > len(boots) and recovery_trace is None:
        told = _unwatched(told)
    if told is not None and history.recoveries.rotted is not None:
        told = _behind_damage(told)
    return None if told is None else _with_shown(told, teller, stale, violation, beside)


def _of_live_replay(
    history: History, boots: Sequence[BootTrace], violation: Violation
) -> Fate | None:
    """Return what took a record that a replay between two calls of a boot did not show.

    What is there, or not written yet, says nothing: such a replay may come from memory.
    """
    found = _live_replay(history, violation.where)
    is_damaged = any(boot.rotted is not None for boot in history.boots)
    if found is None or violation.record_ts_ms is None or is_damaged:
        return None
    number, call, shown = found
    try:
        followed = Followed(history, boots)
        followed.follow(number, shown, None, None, call=call)
    except LostTrack:
        return None
    teller = RecordTeller(history, boots, followed.ledger, shown, number, followed.denied)
    told = teller.tell(violation.record_ts_ms)
    is_taken = told is not None and told.kind in (FateKind.REMOVED, FateKind.OVERWRITTEN)
    return Fate(record=told) if told is not None and told.is_missing and is_taken else None


def _live_replay(history: History, where: str) -> tuple[int, int, Recovery] | None:
    """Return the boot and the call of a replay between two calls, and what it showed."""
    for number, boot in enumerate(history.boots, start=1):
        for index, call in enumerate(boot.calls):
            if call.replayed is not None and where == f"boot {number}, call {index}":
                replayed = call.replayed
                return number, index, Recovery(replayed.records, 0, None)
    return None


def _left_behind(ledger: Ledger, stale: Stale, violation: Violation) -> Fate | None:
    """Return what a recovery has left that new records were lost behind, or that came back."""
    left = left_torn(ledger)
    if left is not None:
        return Fate(found=left)
    back = stale.come_back(violation)
    return None if back is None else Fate(record=back)


def _with_shown(
    told: RecordFate,
    teller: RecordTeller,
    stale: Stale,
    violation: Violation,
    beside: Sequence[Violation],
) -> Fate:
    assert violation.record_ts_ms is not None
    if violation.invariant is Invariant.PHANTOM_RECORD:
        left = left_of_shown(teller.ledger, told, teller.number)
        if left is not None:
            return Fate(found=left)
    missing = teller.ledger.carriers.records[violation.record_ts_ms]
    same = [each for each in beside if each.where == violation.where]
    shown = None if told.is_damaged else stale.instead(told, missing, same)
    if shown is not None:
        told = _alone(told)
    is_read = told.kind is FateKind.THERE and told.reading is not Reading.TORN
    if violation.invariant is Invariant.ALTERED_RECORD and told.is_missing and is_read:
        told = replace(told, reading=Reading.ALTERED)
    return Fate(record=_with_hole(stale.with_compaction(told), violation.invariant), shown=shown)


def _followed_recovery(
    history: History, violation: Violation
) -> tuple[int, Recovery | RecoveryFailure] | None:
    """Return which boot's recovery tells of a violation; None where none does, or damage says why.

    What was lost behind new records is told by the recovery that these followed.
    """
    is_behind = is_behind_new_records(history, violation)
    found = _recovery(history, RecoveryName.FIRST.value if is_behind else violation.where)
    # Files that were damaged between two boots are others than the events made them.
    if found is None or any(boot.rotted is not None for boot in history.boots):
        return None
    is_damaged = history.recoveries.rotted is not None
    return None if is_damaged and isinstance(found[1], RecoveryFailure) else found


def is_behind_new_records(history: History, violation: Violation) -> bool:
    """Whether a recovery behind new records, which a recovered subject took, is what is wrong."""
    return (
        violation.invariant is Invariant.NOT_APPENDABLE
        and violation.where == RecoveryName.AFTER.value
        and isinstance(history.recoveries.first, Recovery)
        and history.recoveries.after is not None
    )


def _unwatched(told: RecordFate) -> RecordFate | None:
    """Return the fate of a record of a recovery that nobody has watched.

    What was there when that began, it may have taken.
    """
    return None if told.is_missing and told.kind is FateKind.THERE else told


def _with_hole(told: RecordFate, invariant: Invariant) -> RecordFate:
    is_hole = told.is_missing and invariant is Invariant.ORDER
    return replace(told, outlived_by=Outlived.HOLE) if is_hole else told


def _behind_damage(told: RecordFate) -> RecordFate | None:
    """Return the fate of a record that a recovery of damaged files did not show.

    What was taken before, and what is shown but should not be, is so for the damage, which the
    violation names.
    """
    is_taken = bool(told.copies) and told.copies[0].by is not None and not told.copies[0].by.boot
    if not told.is_missing or not (told.kind is FateKind.THERE or is_taken):
        return None
    return replace(_alone(told), is_damaged=True)


def _alone(told: RecordFate) -> RecordFate:
    """Return a fate without what a power loss took beside the record: something else decides."""
    return told if told.beside is None else replace(told, beside=None, ahead=None)


def _recovery(history: History, where: str) -> tuple[int, Recovery | RecoveryFailure] | None:
    """Return which boot's recovery a violation is about; the one after the last is `first`."""
    count = len(history.boots)
    if where == RecoveryName.FIRST.value:
        last = history.boots[-1].recovery if history.boots else None
        is_own = isinstance(last, RecoveryFailure) and last is history.recoveries.first
        return (count if is_own else count + 1), history.recoveries.first
    for number, boot in enumerate(history.boots, start=1):
        if where == f"boot {number}" and boot.recovery is not None:
            return number, boot.recovery
    return None
