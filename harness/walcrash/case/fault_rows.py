"""What the injected faults of a case fell on, and what came of each, as rows of a fault matrix.

A fault counts once for each operation and kind of call that it fell on. The answer of an operation
is taken from the whole boot as it was recorded, also where the power was lost in front of it in the
image that was judged last. Of a case that failed with several operations struck none is
called wrong: the case alone does not say which of them it was. Clocks and random bytes of whole
boots are one fault of the case, since a jump is one from boot to boot: where it breaks a rule, each
of these boots is called wrong.

Not here: damage at rest (`rot_search`), which cells could have been reached (`campaign.tally`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.watched_boot import WatchedBoot, called
from walcrash.recorder.recording import EventRow
from walcrash.subjects.boots import Ending, read_boot
from walcrash.values.event import INJECTED, MESSAGES, EventKind
from walcrash.values.fault_matrix import (
    FULL_DISK,
    NO_FAULTS,
    REPEATED_RANDOM,
    SHORT,
    SLOW,
    BootRow,
    CallRow,
    FaultMatrix,
    FaultOutcome,
    added,
    call_kind,
    faults_of,
)
from walcrash.values.faults import (
    CallError,
    ClockJump,
    ErrorName,
    Fault,
    OutsideCalls,
    PowerLoss,
    Quota,
    RepeatedRandom,
    jump_name,
)
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.history import BootEnd, BootHistory, Outcome
from walcrash.values.operation import OperationKind, kinds_of
from walcrash.values.record import RecordType
from walcrash.values.role import role_of
from walcrash.values.verdict import Invariant, Verdict

_REFUSALS: Final = (Outcome.REFUSED, Outcome.REFUSED_DEFINITE)

_CALLS: Final = frozenset(kind for kind in EventKind if faults_of(call_kind(kind)))
"""The kinds of events that a fault may fall on."""

_AS_EVER: Final = (
    FaultOutcome.KEPT,
    FaultOutcome.RETRIED,
    FaultOutcome.CUT_OFF,
    FaultOutcome.UNJUDGED,
)
"""What becomes of an operation without any fault as well."""

_ERROR_NAMES: Final = {error.number: error.value for error in ErrorName}

_Place = tuple[OperationKind | None, RecordType | None, EventKind, str]


@dataclass(frozen=True, slots=True)
class _Strike:
    """A fault on the calls of one kind in one operation of one boot, counted from 0."""

    boot: int
    call: int
    place: _Place
    fault: str


def fault_rows(run: CaseRun) -> FaultMatrix:
    """Return what the faults of a case fell on; of a control the calls that it made."""
    if not run.case.faults and not run.case.is_control:
        return NO_FAULTS
    made: Counter[_Place] = Counter()
    struck: dict[_Place, list[tuple[str, FaultOutcome]]] = {}
    strikes = list(_each(run, made))
    # What waited for a slow call cannot have broken a rule by it.
    due = {(each.boot, each.call) for each in strikes if not _has_waited(run, each)}
    is_one = len(due) == 1
    for strike in strikes:
        outcome = _outcome(run, strike, is_one=is_one)
        if outcome is not None:
            struck.setdefault(strike.place, []).append((strike.fault, outcome))
    rows = [
        CallRow(
            operation=place[0],
            record=place[1],
            call=place[2],
            role=place[3],
            made=made[place],
            struck=added({fault: {outcome: 1}} for fault, outcome in struck.get(place, ())),
        )
        for place in made
    ]
    calls = tuple(sorted(rows, key=lambda row: row.place))
    own = FaultMatrix(calls=calls, boots=_boot_rows(run), renamed=_renamed(run))
    return FaultMatrix.sum([own, run.damaged])


def _renamed(run: CaseRun) -> tuple[str, ...]:
    """Return the roles of the names that files got by a rename or a link, in directories too."""
    paths: set[str] = set()
    found: set[str] = set()
    for row in (row for boot in run.boots for row in boot.recording.rows):
        if row.kind in (EventKind.RENAME, EventKind.LINK) and row.result >= 0:
            below = {row.path_to + each[len(row.path) :] for each in paths if _is_in(each, row)}
            found |= {row.path_to, *below}
            paths |= {row.path_to, *below}
        if row.kind in _CALLS:
            paths.add(row.path)
    return tuple(sorted({role_of(path) for path in found}))


def _is_in(path: str, row: EventRow) -> bool:
    """Whether a path is in the directory that is renamed."""
    return path.startswith(f"{row.path}/")


def _each(run: CaseRun, made: Counter[_Place]) -> Iterator[_Strike]:
    """Yield the strikes of a case, each once, and count all calls."""
    for number, boot in enumerate(run.boots):
        seen: set[_Strike] = set()
        faults = run.case.faults_in(number)
        places: dict[tuple[EventKind, int, str], _Place] = {}
        for row in boot.recording.rows:
            is_slow = row.kind is EventKind.SLOW
            kind = row.event().begins if is_slow else row.kind
            if kind not in _CALLS:
                continue
            key = kind, row.call, row.path
            place = places.get(key)
            if place is None:
                place = places[key] = _place(boot, row, kind)
            # What was slow is an event of its own where it was made in the end.
            made[place] += not is_slow
            if is_slow or row.flags & INJECTED:
                fault = SLOW if is_slow else _name(row, faults)
                strike = _Strike(number, max(0, row.call), place, fault)
                if strike not in seen:
                    seen.add(strike)
                    yield strike


def _place(boot: WatchedBoot, row: EventRow, kind: EventKind) -> _Place:
    operation, record = kinds_of(called(boot.plan, row.call))
    return operation, record, call_kind(kind), role_of(row.path)


def _name(row: EventRow, faults: Sequence[Fault]) -> str:
    """Return the column of a strike."""
    if any(isinstance(fault, Quota) for fault in faults):
        return FULL_DISK
    for fault in faults:
        if isinstance(fault, CallError) and fault.failed_sync is not SyncFailure.KEPT:
            return fault.failed_sync.column(fault.error.value)
    return SHORT if row.result >= 0 else _ERROR_NAMES.get(-row.result, str(-row.result))


def _outcome(run: CaseRun, strike: _Strike, *, is_one: bool) -> FaultOutcome | None:
    """Return what became of the operation of a strike; None where that is not known.

    With `is_one` no other operation of the case was struck, slow calls aside that all waited for.
    """
    boot = run.boots[strike.boot]
    if run.verdict is Verdict.FAIL:
        return _outcome_of_failure(run, strike) if is_one else FaultOutcome.UNJUDGED
    if run.verdict is Verdict.INCONCLUSIVE:
        return FaultOutcome.UNJUDGED
    answer = _answer(run, boot, strike)
    return FaultOutcome.WAITED if answer in _AS_EVER and _has_waited(run, strike) else answer


def _has_waited(run: CaseRun, strike: _Strike) -> bool:
    """Whether a strike is of slow calls, and no other thread did anything during these."""
    boot = run.boots[strike.boot]
    return strike.fault == SLOW and not any(
        row.kind is EventKind.SLOW
        and max(0, row.call) == strike.call
        and (call_kind(row.event().begins), role_of(row.path)) == strike.place[2:]
        and boot.recording.is_outlasted(at)
        for at, row in enumerate(boot.recording.rows)
    )


def _answer(run: CaseRun, boot: WatchedBoot, strike: _Strike) -> FaultOutcome:
    """Return what became of the operation of a strike in a case that passed."""
    history = _whole(boot)
    if strike.call >= len(history.calls):
        return FaultOutcome.ENDED if history.end is BootEnd.DIED else FaultOutcome.UNJUDGED
    outcome = history.calls[strike.call].outcome
    if outcome in _REFUSALS:
        return _after_refusal(history, strike.call)
    if outcome is Outcome.UNANSWERED:
        return FaultOutcome.ENDED if history.end is BootEnd.DIED else FaultOutcome.CUT_OFF
    if outcome is not Outcome.ACKNOWLEDGED or not _is_followed(run, strike):
        return FaultOutcome.UNJUDGED
    return FaultOutcome.RETRIED if _is_made_again(boot, strike) else FaultOutcome.KEPT


def _outcome_of_failure(run: CaseRun, strike: _Strike) -> FaultOutcome | None:
    """Return what a failing case says of a strike into the one operation that was struck.

    Of several operations the case alone does not say which of them it is.
    """
    if not run.judgement.breaks_first(Invariant.UNREPORTED_ERROR):
        is_due = strike.fault == SLOW and not _has_waited(run, strike)
        return _broken(run) if is_due else FaultOutcome.UNJUDGED
    errors = [error for boot in run.history.boots for error in boot.errors]
    if not errors:
        return FaultOutcome.UNJUDGED
    first = errors[0]
    if (call_kind(first.kind), role_of(first.path)) != strike.place[2:]:
        return None
    return _broken(run)


def _broken(run: CaseRun) -> FaultOutcome:
    is_stuck = any(boot.is_stuck for boot in run.history.boots)
    return FaultOutcome.HUNG if is_stuck else FaultOutcome.WRONG


def _whole(boot: WatchedBoot) -> BootHistory:
    """Return the history of a boot as it was recorded, whatever a power loss left of it."""
    if not isinstance(boot.plan.crash, PowerLoss):
        return boot.history
    said = [row.data for row in boot.recording.rows if row.kind in MESSAGES]
    lost = Ending(BootEnd.POWER_LOST)
    return read_boot(boot.plan.operations, said, lost, directory="")


def _after_refusal(history: BootHistory, call: int) -> FaultOutcome:
    later = [
        each.outcome
        for each in history.calls[call + 1 :]
        if each.operation.kind is not OperationKind.CLOSE
    ]
    asked = [each for each in later if each in (*_REFUSALS, Outcome.ACKNOWLEDGED)]
    if asked and Outcome.ACKNOWLEDGED not in asked:
        return FaultOutcome.REOPENED
    return FaultOutcome.REFUSED


def _is_followed(run: CaseRun, strike: _Strike) -> bool:
    """Whether what came later was judged with the operation's acknowledgement in it.

    A power loss in front of it, in a boot that others follow, has left an earlier moment.
    """
    if strike.boot == len(run.boots) - 1:
        return True
    calls = run.boots[strike.boot].history.calls
    return strike.call < len(calls) and calls[strike.call].outcome is Outcome.ACKNOWLEDGED


def _is_made_again(boot: WatchedBoot, strike: _Strike) -> bool:
    """Whether a call of the same kind on the same kind of file went well after the strike."""
    is_struck = False
    for row in boot.recording.rows:
        if call_kind(row.kind) is not strike.place[2] or max(0, row.call) != strike.call:
            continue
        if role_of(row.path) != strike.place[3]:
            continue
        if row.flags & INJECTED:
            is_struck = True
        elif is_struck and row.result >= 0:
            return True
    return False


# Whole boots.


def _boot_rows(run: CaseRun) -> tuple[BootRow, ...]:
    """Return the boots of a case, with what they had around them."""
    sharing = sum(_gets_repeated(run, number) for number in range(len(run.boots)))
    rows: list[BootRow] = []
    for number, boot in enumerate(run.boots):
        struck = [
            {_around_name(fault): {_outcome_of_boot(run, boot, fault, sharing=sharing): 1}}
            for fault in run.case.faults_in(number)
            if isinstance(fault, ClockJump | RepeatedRandom)
        ]
        rows.append(BootRow(is_later=number > 0, made=1, struck=added(struck)))
    return FaultMatrix.sum(FaultMatrix(boots=(row,)) for row in rows).boots


def _gets_repeated(run: CaseRun, number: int) -> bool:
    """Whether a boot got random bytes that repeat, since it asked for some."""
    faults = run.case.faults_in(number)
    has_fault = any(isinstance(fault, RepeatedRandom) for fault in faults)
    return has_fault and run.boots[number].recording.has_asked_random


def _around_name(fault: ClockJump | RepeatedRandom) -> str:
    return jump_name(fault.shift_seconds) if isinstance(fault, ClockJump) else REPEATED_RANDOM


def _outcome_of_boot(
    run: CaseRun, boot: WatchedBoot, fault: ClockJump | RepeatedRandom, *, sharing: int
) -> FaultOutcome:
    """Return what became of a boot with another clock, or with bytes that `sharing` boots got."""
    if run.verdict is Verdict.FAIL:
        is_due = all(isinstance(each, OutsideCalls) for each in run.case.faults)
        return _broken(run) if is_due else FaultOutcome.UNJUDGED
    if run.verdict is Verdict.INCONCLUSIVE:
        return FaultOutcome.UNJUDGED
    if any(call.outcome in _REFUSALS for call in boot.history.calls) or boot.history.gave_up:
        return FaultOutcome.REFUSED
    if boot.history.end is BootEnd.DIED:
        return FaultOutcome.ENDED
    has_asked = boot.recording.has_asked_random and sharing > 1
    if isinstance(fault, RepeatedRandom) and not has_asked:
        return FaultOutcome.NO_EFFECT
    return FaultOutcome.KEPT
