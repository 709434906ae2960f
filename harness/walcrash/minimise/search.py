"""Minimising: from a failing case to the smallest that breaks the same invariant.

Passes are repeated until none of them finds anything: no crash at all, an exact kill in place of
a timer, a kill in place of a power loss, fewer boots, fewer operations, the simplest crash, simpler
content. Each tries what takes most away first. The result is a case from which nothing that is
tried can be left out, which need not be the smallest of all.

A subject can break one invariant both without a crash and because of one. Where the way to a
smaller case ends at the former, and the case itself needed its crash, the search begins again and
takes only cases that need one.

Source: the passes over operations follow delta debugging (Zeller and Hildebrandt, IEEE TSE 28(2),
2002).
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.counterpart import added_events, moved_kill, moved_target
from walcrash.case.deadline import TimeOver
from walcrash.case.plain import controls_of
from walcrash.case.search_target import EventRef
from walcrash.minimise import workload as workload
from walcrash.minimise.trial import (
    TRIES,
    BudgetOver,
    RunCase,
    Trial,
    anywhere,
    models_up_to,
    start,
)
from walcrash.values.case import Case
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.faults import KEPT_SCALE, CrashPoint, Fault, KillTimer, PowerLoss
from walcrash.values.image_choice import Policy
from walcrash.values.moments import Placement
from walcrash.values.verdict import Invariant

# limits
PLAIN_IMAGES: Final = 12
"""Images that are tried in place of a drawn one."""

EARLIER_EVENTS: Final = 6
"""Events of a kill's own call, from the first, on which it is tried instead."""

PAIRED_OPERATIONS: Final = 8
"""Most operations of which pairs are taken away together."""

SINGLE_OPERATIONS: Final = 16
"""Operations, from the first, of which each is tried alone with a power loss at any position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimised:
    """What minimising came to.

    Attributes:
        run: the smallest case's, in fresh processes; None if the case did not fail again.
        tries: how many simpler cases were run.
        is_finished: whether all was tried that can take a boot, an operation, a fault or a part of
            a crash away; else the budget ran out first.
        is_late: whether that was a time budget.
    """

    run: CaseRun | None
    tries: int
    is_finished: bool
    is_late: bool = False


def minimise(
    run_case: RunCase,
    stored: StoredCase,
    target_invariant: Invariant,
    *,
    most_tries: int = TRIES,
    beyond: PersistenceModel | None = None,
    kept: CaseRun | None = None,
) -> Minimised:
    """Return the smallest case that is found within the budget.

    Args:
        run_case: runs and judges one case.
        stored: a case that breaks the invariant first.
        target_invariant: the invariant.
        most_tries: how many simpler cases may be run.
        beyond: power losses are not sought in a model that this one covers; None seeks in all.
        kept: how the case ran when it failed, for one that may run in another way now.

    Raises:
        WalcrashError: as `run_case`, for the case as it is.
    """
    try:
        trial = start(run_case, stored, target_invariant, most_tries=most_tries, kept=kept)
    except (BudgetOver, TimeOver) as end:
        return Minimised(run=None, tries=0, is_finished=False, is_late=isinstance(end, TimeOver))
    if trial is None:
        return Minimised(run=None, tries=0, is_finished=False)
    whole = trial.run
    try:
        is_plain = whole.case.is_control or trial.attempt(workload.without_crashes(trial.case))
    except (BudgetOver, TimeOver) as end:
        return _cut_short(trial, end)
    found = _smallest(trial, beyond)
    if is_plain or found.run is None or not found.run.case.is_control:
        return found
    other = Trial(run_case, stored, whole, most_tries=most_tries)
    other.needs_crash = True
    found = _smallest(other, beyond)
    return replace(found, tries=trial.tries + found.tries)


def _smallest(trial: Trial, beyond: PersistenceModel | None) -> Minimised:
    """Make a case as small as the budget allows; try it without its crashes at the end."""
    try:
        _exact_kills(trial)
        _plain_losses(trial)
        _until_nothing_goes(trial, beyond)
        if not trial.needs_crash and not trial.case.is_control:
            for case in controls_of(trial.run):
                trial.attempt(workload.unchanged(case))
    except (BudgetOver, TimeOver) as end:
        return _cut_short(trial, end)
    return Minimised(run=trial.run, tries=trial.tries, is_finished=True)


def _cut_short(trial: Trial, end: BudgetOver | TimeOver) -> Minimised:
    """Return what there is when a budget ran out."""
    # Simpler content alone is nothing that a reader would miss.
    is_late = isinstance(end, TimeOver) and not trial.is_settled
    return Minimised(
        run=trial.run, tries=trial.tries, is_finished=trial.is_settled, is_late=is_late
    )


def _until_nothing_goes(trial: Trial, beyond: PersistenceModel | None) -> None:
    """Take away what can go, then simplify what is left, until neither finds anything.

    Payloads are made shorter one by one, at many tries each, so that comes when no operation goes.
    """
    simplified = -1
    while True:
        before = trial.case
        _fewer_of_all(trial, beyond)
        if not trial.is_settled:
            continue
        count = len(workload.removable(trial.case))
        _simpler_content(trial, is_new=count != simplified)
        simplified = len(workload.removable(trial.case))
        if trial.case == before:
            return


def _fewer_of_all(trial: Trial, beyond: PersistenceModel | None) -> None:
    """Try once to take away each boot, operation, fault and part of a crash."""
    before = trial.case
    if beyond is None:
        _kills_for_power(trial)
    _fewer_boots(trial)
    _earlier_events(trial)
    _fewer_operations(trial)
    _simpler_crashes(trial, beyond)
    _fewer_faults(trial)
    _fewer_pairs(trial)
    _first_events(trial)
    if trial.case == before:
        _fewer_anywhere(trial, beyond)
    trial.is_settled = trial.case == before


# Crashes.


def _exact_kills(trial: Trial) -> None:
    """Name the kills by their kind of event, so that they stay at it; it is no simpler case."""
    for number in range(len(trial.case.boots)):
        crash, landed = trial.case.boots[number].crash, trial.landed(number)
        if isinstance(crash, CrashPoint | KillTimer) and landed is not None:
            trial.attempt(workload.with_crash(trial.case, number, landed))


def _plain_losses(trial: Trial) -> None:
    """Let power losses leave an image that can be named and found again, and not a drawn one."""
    for number in range(len(trial.case.boots)):
        choice, target = trial.choice(number), trial.target(number)
        if target is None or choice is None or choice.policy not in (Policy.DRAWN, Policy.EXPLICIT):
            continue
        for skipped in range(PLAIN_IMAGES):
            plain = replace(
                target, policy=None, about=None, exact=None, skipped=skipped, images=PLAIN_IMAGES
            )
            if trial.attempt(workload.unchanged(trial.case), targets={number: plain}):
                break


def _kills_for_power(trial: Trial) -> None:
    for number in range(len(trial.case.boots)):
        target = trial.target(number)
        if target is None:
            continue
        at = target.at or EventRef(0, EventKind.REPLY, 0)
        call = min(max(0, at.call), len(trial.case.boots[number].operations) - 1)
        point = CrashPoint(
            call=call,
            ordinal=at.ordinal,
            placement=target.placement,
            event=at.kind,
            kept=KEPT_SCALE // 2 if target.placement is Placement.WITHIN else 0,
        )
        trial.attempt(workload.with_crash(trial.case, number, point))


def _earlier_events(trial: Trial) -> None:
    """Let kills fall into earlier events of their call: how many there are grows with the log."""
    for number in range(len(trial.case.boots)):
        crash = trial.case.boots[number].crash
        if not isinstance(crash, CrashPoint):
            continue
        for ordinal in dict.fromkeys((0, crash.ordinal // 2, crash.ordinal - 1)):
            if 0 <= ordinal < crash.ordinal:
                earlier = replace(crash, ordinal=ordinal)
                if trial.attempt(workload.with_crash(trial.case, number, earlier)):
                    break


def _first_events(trial: Trial) -> None:
    """Let kills fall on the first event of their call that shows the same.

    What shows after several events in a row is named by the first of them, so that all cases of
    one bug come to the same event. A call that is left has other events than one before it, so
    this comes when no more operations can be left out.
    """
    for number in range(len(trial.case.boots)):
        crash = trial.case.boots[number].crash
        # Between two calls is simpler than within one.
        if isinstance(crash, CrashPoint) and crash.event is not EventKind.REPLY:
            for point in trial.points_before(number)[:EARLIER_EVENTS]:
                if trial.attempt(workload.with_crash(trial.case, number, point)):
                    break


def _simpler_crashes(trial: Trial, beyond: PersistenceModel | None) -> None:
    last = len(trial.case.boots) - 1
    # Where something is injected, a case may need no crash at all, and is no control then.
    for number in range(last + bool(trial.case.faults)):
        if trial.case.boots[number].crash is not None:
            trial.attempt(workload.with_crash(trial.case, number, None))
    for number in range(last + 1):
        crash = trial.case.boots[number].crash
        if isinstance(crash, CrashPoint):
            for point in crash.simpler(trial.run.boots[number].events()):
                if trial.attempt(workload.with_crash(trial.case, number, point)):
                    break
        elif isinstance(crash, PowerLoss) and number == last:
            _simplest_power_loss(trial, number, beyond)


def _simplest_power_loss(trial: Trial, boot: int, beyond: PersistenceModel | None) -> None:
    choice = trial.choice(boot)
    assert choice is not None, "a run names the image of its power loss"
    target = anywhere(models_up_to(choice.model, beyond))
    trial.attempt(workload.unchanged(trial.case), targets={boot: target})


# Faults.


def _fewer_faults(trial: Trial) -> None:
    """Inject nothing, then one fault less, then simpler ones of the same class."""
    if trial.case.faults and not _without_faults(trial, trial.case.faults):
        at = 0
        while at < len(faults := trial.case.faults):
            if not _without_faults(trial, faults[at : at + 1]):
                _simpler_fault(trial, at)
                at += 1


def _without_faults(trial: Trial, gone: tuple[Fault, ...]) -> bool:
    """Take faults away; where that fails, move the crashes to where they fall without them."""
    left = tuple(fault for fault in trial.case.faults if fault not in gone)
    edit = workload.with_faults(trial.case, left)
    if trial.attempt(edit):
        return True
    struck = {fault.boot for fault in gone} - {fault.boot for fault in left}
    case, targets = edit.case, {}
    for number in sorted(boot for boot in struck if boot < len(trial.run.boots)):
        watched = trial.run.boots[number]
        if not added_events(watched.events()):
            continue
        boots = list(case.boots)
        boots[number] = moved_kill(watched)
        case = replace(case, boots=tuple(boots))
        target = moved_target(trial.run, number)
        if target is not None:
            targets[number] = target
    if case == edit.case and not targets:
        return False
    return trial.attempt(workload.unchanged(case), targets=targets)


def _simpler_fault(trial: Trial, at: int) -> None:
    faults = trial.case.faults
    events = trial.run.boots[faults[at].boot].events()
    for fault in faults[at].simpler(events):
        simpler = (*faults[:at], fault, *faults[at + 1 :])
        if trial.attempt(workload.with_faults(trial.case, simpler)):
            return


# Boots and operations.


def _fewer_boots(trial: Trial) -> None:
    count = len(trial.case.boots)
    for length in range(1, count):
        if trial.attempt(workload.with_boots(trial.case, range(count - length, count))):
            break
        if trial.attempt(workload.with_boots(trial.case, range(length))):
            break
    for edit in (workload.merged, _without_boot):
        number = 0
        while number < len(trial.case.boots) - 1:
            if not trial.attempt(edit(trial.case, number)):
                number += 1


def _without_boot(case: Case, boot: int) -> workload.Edit | None:
    return workload.with_boots(case, [each for each in range(len(case.boots)) if each != boot])


def _fewer_operations(trial: Trial) -> None:
    _kills_after_the_call_before(trial)
    case = trial.case
    crashes = [
        (number, boot.crash.call)
        for number, boot in enumerate(case.boots)
        if isinstance(boot.crash, CrashPoint)
    ]
    trial.attempt(workload.keep(case, workload.needed_for(case, crashes)))
    size = max(1, len(workload.removable(trial.case)) // 2)
    while True:
        is_fewer = _fewer_in_runs(trial, size)
        if size == 1 and not is_fewer:
            return
        size = max(1, size // 2)


def _kills_after_the_call_before(trial: Trial) -> None:
    """Let kills fall between the two calls before them, so that their own call is not needed."""
    for number in range(len(trial.case.boots)):
        crash = trial.case.boots[number].crash
        if isinstance(crash, CrashPoint) and crash.call > 0:
            plain = CrashPoint.after_call(crash.call - 1)
            trial.attempt(workload.with_crash(trial.case, number, plain))


def _fewer_in_runs(trial: Trial, size: int) -> bool:
    """Take away so many neighbouring operations at a time; return whether any went."""
    at, is_fewer = 0, False
    while at < len(places := workload.removable(trial.case)):
        kept = [*places[:at], *places[at + size :]]
        if trial.attempt(workload.keep(trial.case, kept)):
            is_fewer = True
        else:
            at += size
    return is_fewer


def _fewer_pairs(trial: Trial) -> None:
    """Take away two operations at a time, where few are left; one may need the other gone."""
    places = workload.removable(trial.case)
    if len(places) > PAIRED_OPERATIONS:
        return
    for pair in combinations(places, 2):
        kept = [place for place in places if place not in pair]
        if trial.attempt(workload.keep(trial.case, kept)):
            _fewer_pairs(trial)
            return


def _fewer_anywhere(trial: Trial, beyond: PersistenceModel | None) -> None:
    """Take operations away, and seek the power loss at all positions of what is left.

    Fewer operations let records lie elsewhere among blocks and sectors, where another image than
    the nearest shows the same.
    """
    places, last = workload.removable(trial.case), len(trial.case.boots) - 1
    choice = trial.choice(last)
    if choice is None or len(places) < 2:
        return
    targets = {last: anywhere(models_up_to(choice.model, beyond))}
    alone = [[place] for place in places]
    if len(places) > PAIRED_OPERATIONS:
        middle = len(places) // 2
        tried = [places[:middle], places[middle:], *alone[:SINGLE_OPERATIONS]]
    else:
        tried = alone + [[place for place in places if place != gone] for gone in places]
    for kept in tried:
        edit = workload.keep(trial.case, workload.needed_for(trial.case, kept))
        if trial.attempt(edit, targets=targets):
            _fewer_anywhere(trial, beyond)
            return


# Content.


def _simpler_content(trial: Trial, *, is_new: bool) -> None:
    """Simplify what records hold; payloads one by one only where the operations are new."""
    plain = workload.with_payloads(trial.case, b"").case
    for change in (
        workload.with_plain_ids,
        workload.with_plain_failures,
        workload.with_even_times,
    ):
        plain = change(plain).case
    if trial.attempt(workload.unchanged(plain)):
        return
    trial.attempt(workload.with_plain_ids(trial.case))
    trial.attempt(workload.with_plain_failures(trial.case))
    trial.attempt(workload.with_even_times(trial.case))
    for place in workload.removable(trial.case):
        trial.attempt(workload.with_done_for_failed(trial.case, place))
    if not trial.attempt(workload.with_payloads(trial.case, b"")) and is_new:
        for place in workload.removable(trial.case):
            _shorter_payload(trial, place)


def _shorter_payload(trial: Trial, place: workload.Place) -> None:
    boot, at = place
    if boot >= len(trial.case.boots) or at >= len(trial.case.boots[boot].operations):
        return
    record = trial.case.boots[boot].operations[at].record
    if record is None or not record.payload:
        return

    def tries(payload: bytes) -> bool:
        assert record is not None
        changed = replace(record, payload=payload)
        return trial.attempt(workload.with_record(trial.case, place, changed))

    low, high = -1, len(record.payload)
    for length in (0, 1):
        if length < high and tries(record.payload[:length]):
            high = length
            break
        low = length
    while high - low > 1:
        middle = (low + high) // 2
        if tries(record.payload[:middle]):
            high = middle
        else:
            low = middle
    if record.payload[:high] != b"x" * high:
        tries(b"x" * high)
