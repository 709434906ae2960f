"""The search for the smallest case, on a subject that is a function and a rule that is one."""

from collections.abc import Callable
from dataclasses import replace

import made_up_subject as made_up
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from made_up_subject import (
    SYNC,
    MadeUpSubject,
    Shown,
    after_reply,
    calls_of,
    closed,
    done,
    killed,
    put,
    stored,
)

from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.minimise import trial
from walcrash.minimise.search import Minimised, minimise
from walcrash.minimise.trial import starts_of
from walcrash.minimise.workload import removable
from walcrash.recorder.recording import EventRow
from walcrash.values.case import Case
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import HarnessFault
from walcrash.values.event import EventKind
from walcrash.values.faults import KEPT_SCALE, CrashPoint, KillTimer, PowerLoss
from walcrash.values.history import Outcome
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.verdict import Invariant, Verdict

LOST = Invariant.LOST_PUT


def smallest(case: StoredCase, subject: MadeUpSubject, **more: object) -> Minimised:
    return minimise(subject, case, LOST, **more)  # type: ignore[arg-type]


def lost_if(holds: Callable[[Shown], bool]) -> MadeUpSubject:
    return MadeUpSubject(lambda shown: LOST if holds(shown) else None)


def crashed(holds: Callable[[Shown], bool]) -> Callable[[Shown], bool]:
    """Hold where there is a crash, too."""
    return lambda shown: not shown.case.is_control and holds(shown)


def needs(*wanted: str) -> Callable[[Shown], bool]:
    """Hold where these operations are called, in this order."""

    def holds(shown: Shown) -> bool:
        called = iter(calls_of(shown.case))
        return all(each in called for each in wanted)

    return holds


def case_of(found: Minimised) -> Case:
    assert found.run is not None
    assert found.run.judgement.verdict is Verdict.FAIL
    return found.run.case


# Operations.


def test_what_the_rule_needs_is_left_and_nothing_else() -> None:
    boot = killed(*(put(number) for number in range(1, 9)), SYNC, put(9))
    found = smallest(stored(boot), lost_if(lambda shown: {"sync"} < set(calls_of(shown.case))))
    assert sorted(calls_of(case_of(found))) == ["append PutOperation op-1", "sync"]
    assert found.is_finished


OPERATIONS = st.lists(st.sampled_from(["put", "done", "sync"]), min_size=1, max_size=14)


@settings(max_examples=60, deadline=None)
@given(kinds=OPERATIONS, boots=st.integers(1, 3), data=st.data())
def test_of_any_case_nothing_more_can_be_left_out(
    kinds: list[str], boots: int, data: st.DataObject
) -> None:
    # What shows before anything is acknowledged is another bug, and is not taken.
    operations, puts = [put(99)], 0
    for number, kind in enumerate(kinds):
        if kind == "done" and puts:
            operations.append(done(puts))
            puts = 0
        elif kind == "sync":
            operations.append(SYNC)
        else:
            puts = number + 1
            operations.append(put(puts, b"x"))
    size = -(-len(operations) // boots)
    plans = [killed(*operations[at : at + size]) for at in range(0, len(operations), size)]
    # Times tell the operations apart, whatever their ids become; content is not what is tried.
    appended = [each.record for each in operations if each.record is not None]
    wanted = data.draw(st.sets(st.sampled_from([each.type for each in appended])))
    count = data.draw(st.integers(1, len(appended)))

    def holds(shown: Shown) -> bool:
        records = [
            each.record
            for boot in shown.case.boots
            for each in boot.operations
            if each.record is not None
        ]
        return len(records) >= count and wanted <= {each.type for each in records}

    found = smallest(stored(*plans), lost_if(holds))
    left = [
        boot.operations[at]
        for boot in case_of(found).boots
        for at, operation in enumerate(boot.operations)
        if operation.record is not None or operation.kind is OperationKind.SYNC
    ]
    event(f"{len(operations) - len(left)} of {len(operations)} left out")
    assert all(each.record is not None for each in left), "no sync is needed"
    # A mark needs its put.
    least = max(count, 2 if RecordType.DONE in wanted else len(wanted))
    assert len(left) == least
    assert found.is_finished
    assert len(case_of(found).boots) == 1


def test_two_that_are_only_needed_for_each_other_go_together() -> None:
    def holds(shown: Shown) -> bool:
        called = calls_of(shown.case)
        return ("sync" in called) == (put_named(2) in called) and put_named(1) in called

    found = smallest(stored(killed(put(1), put(2), SYNC)), lost_if(holds))
    assert calls_of(case_of(found)) == [put_named(1)]


def put_named(number: int) -> str:
    return f"append PutOperation op-{number}"


def test_every_case_that_is_tried_could_have_been_drawn() -> None:
    """A mark has its put before it, and no operation is marked done twice."""
    subject = lost_if(lambda shown: len(calls_of(shown.case)) >= 3)
    smallest(stored(killed(put(1), put(2), done(1)), killed(put(3), done(2), done(3))), subject)
    assert len(subject.tried) > 5
    for tried in subject.tried:
        open_ids: set[str] = set()
        for boot in tried.case.boots:
            assert boot.operations[0].kind is OperationKind.OPEN
            for operation in boot.operations:
                record = operation.record
                if record is not None and record.type is RecordType.PUT:
                    open_ids.add(record.id)
                elif record is not None:
                    assert record.id in open_ids
                    open_ids.discard(record.id)


# Boots and crashes.


def test_boots_that_are_not_needed_go_and_two_become_one() -> None:
    boots = [killed(put(1)), closed(put(2)), killed(put(3), put(4))]
    found = smallest(stored(*boots), lost_if(lambda shown: len(calls_of(shown.case)) >= 2))
    assert len(case_of(found).boots) == 1
    assert len(removable(case_of(found))) == 2


def test_a_boot_that_is_needed_stays() -> None:
    boots = [killed(put(1)), killed(put(2)), killed(put(3))]
    found = smallest(stored(*boots), lost_if(lambda shown: len(shown.boots) >= 2))
    assert len(case_of(found).boots) == 2


def within(call: int, kept: int = KEPT_SCALE // 3) -> CrashPoint:
    return CrashPoint(
        call=call, ordinal=0, placement=Placement.WITHIN, event=EventKind.WRITE, kept=kept
    )


def test_a_kill_falls_between_two_calls_where_that_shows_the_same() -> None:
    boot = killed(put(1), put(2), at=within(2))
    found = smallest(stored(boot), lost_if(crashed(needs(put_named(1)))))
    assert case_of(found).boots[0].crash == after_reply(1)


def test_a_kill_falls_between_two_events_where_it_must_fall_inside_a_call() -> None:
    def holds(shown: Shown) -> bool:
        landing = shown.last.landing
        return landing is not None and landing.kind is EventKind.WRITE

    found = smallest(stored(killed(put(1), put(2), at=within(2))), lost_if(holds))
    crash = case_of(found).boots[0].crash
    assert isinstance(crash, CrashPoint)
    assert (crash.placement, crash.event) == (Placement.AFTER, EventKind.WRITE)
    assert calls_of(case_of(found)) == [put_named(1)]


def test_a_torn_write_stays_torn_and_keeps_as_little_as_it_can() -> None:
    def holds(shown: Shown) -> bool:
        landing = shown.last.landing
        return landing is not None and landing.placement is Placement.WITHIN

    found = smallest(stored(killed(put(1), put(2), at=within(2))), lost_if(holds))
    crash = case_of(found).boots[0].crash
    assert isinstance(crash, CrashPoint)
    assert (crash.placement, crash.kept) == (Placement.WITHIN, 0)


def test_a_timer_becomes_the_exact_kill_that_it_was() -> None:
    boot = replace(closed(put(1), SYNC), crash=KillTimer(4))
    found = smallest(stored(boot), lost_if(lambda shown: shown.last.landing is not None))
    assert not any(isinstance(each.crash, KillTimer) for each in case_of(found).boots)


# Content.


@pytest.mark.parametrize("needed", [0, 1, 2, 7, 64, 100])
def test_a_payload_is_as_short_as_it_can_be_and_says_nothing(needed: int) -> None:
    def holds(shown: Shown) -> bool:
        records = [each.record for boot in shown.case.boots for each in boot.operations]
        return any(each is not None and len(each.payload) >= needed for each in records)

    found = smallest(stored(killed(put(1), put(2, bytes(range(100))))), lost_if(holds))
    (record,) = (
        each.record for each in case_of(found).boots[0].operations if each.record is not None
    )
    assert (record.id, record.payload) == ("op-1", b"x" * needed)


def test_content_that_is_needed_stays() -> None:
    def holds(shown: Shown) -> bool:
        records = [each.record for boot in shown.case.boots for each in boot.operations]
        return any(each is not None and b"key" in each.payload for each in records)

    found = smallest(stored(killed(put(1, b"some key and so on"))), lost_if(holds))
    (record,) = (
        each.record for each in case_of(found).boots[0].operations if each.record is not None
    )
    assert b"key" in record.payload
    assert len(record.payload) <= len(b"some key")


# What counts.


def test_a_case_that_breaks_another_rule_first_is_not_taken() -> None:
    def rule(shown: Shown) -> Invariant:
        return LOST if len(calls_of(shown.case)) >= 3 else Invariant.ORDER

    found = smallest(stored(killed(*(put(number) for number in range(1, 7)))), MadeUpSubject(rule))
    assert len(calls_of(case_of(found))) == 3
    assert found.run is not None
    assert found.run.judgement.worst.invariant is LOST


def test_a_store_that_was_being_made_is_another_bug() -> None:
    """Kills inside the first `open` show it too, and nothing was acknowledged by then."""
    point = CrashPoint(call=0, ordinal=0, placement=Placement.AFTER, event=EventKind.CREATE)
    subject = lost_if(crashed(lambda shown: True))
    found = smallest(stored(killed(put(1)), killed(put(2), at=point)), subject)
    assert found.run is not None
    assert not trial.is_half_made(found.run)
    alone = smallest(stored(killed(at=point)), subject)
    assert alone.run is not None
    assert trial.is_half_made(alone.run)


def test_a_failure_that_needs_no_crash_comes_to_a_case_without_one() -> None:
    every = stored(killed(put(1), put(2)), killed(put(3)))
    found = smallest(every, lost_if(needs(put_named(2))))
    assert case_of(found).is_control
    assert calls_of(case_of(found)) == [put_named(2)]
    assert smallest(stored(closed(put(1), loss=LOSS)), lost_if(lambda shown: True)).is_finished


def test_a_failure_that_needs_a_crash_does_not_come_to_another_that_needs_none() -> None:
    """The invariant breaks after a kill, and without one where `op-3` is all that there is."""

    def holds(shown: Shown) -> bool:
        is_alone = calls_of(shown.case) == [put_named(3)]
        return is_alone or (not shown.case.is_control and needs(put_named(3))(shown))

    found = smallest(stored(killed(put(1), put(2), put(3))), lost_if(holds))
    assert not case_of(found).is_control
    assert len(calls_of(case_of(found))) == 2
    assert found.is_finished


def test_a_case_that_does_not_fail_is_left_alone() -> None:
    subject = lost_if(lambda shown: False)
    assert smallest(stored(killed(put(1))), subject) == Minimised(
        run=None, tries=0, is_finished=False
    )
    assert len(subject.tried) == 1


def test_a_case_that_cannot_be_run_is_not_simpler_and_counts_as_a_try() -> None:
    subject = lost_if(lambda shown: True)
    subject.error = lambda case: HarnessFault("made up") if len(calls_of(case)) < 2 else None
    found = smallest(stored(killed(put(1), put(2), put(3))), subject)
    assert len(calls_of(case_of(found))) == 2
    assert found.tries == len(subject.tried) - 1


def test_nothing_is_tried_twice() -> None:
    subject = lost_if(lambda shown: len(calls_of(shown.case)) >= 3)
    found = smallest(stored(*(killed(put(at), SYNC) for at in range(1, 5))), subject)
    cases = [tried.case for tried in subject.tried]
    assert len(set(cases)) == len(cases)
    assert found.tries == len(cases) - 1


def test_the_smallest_case_is_its_own_smallest_case() -> None:
    subject = lost_if(needs(put_named(1), "sync"))
    first = smallest(stored(killed(put(1, b"abc"), SYNC), killed(put(2))), subject)
    again = smallest(replace(stored(), case=case_of(first)), subject)
    assert case_of(again) == case_of(first)


# Budgets.


def test_the_number_of_tries_is_the_limit() -> None:
    subject = lost_if(lambda shown: len(calls_of(shown.case)) == 40)
    case = stored(killed(*(put(number) for number in range(40))))
    found = smallest(case, subject, most_tries=10)
    assert (found.tries, found.is_finished) == (10, False)
    assert len(calls_of(case_of(found))) == 40


def test_a_run_that_hung_counts_for_as_many_tries_as_its_time() -> None:
    subject = lost_if(lambda shown: len(calls_of(shown.case)) == 40)
    subject.is_hanging = lambda case: True
    case = stored(killed(*(put(number) for number in range(40))))
    found = smallest(case, subject, most_tries=100)
    # Each is one try and ten for each of its three seconds, and none is begun after the last.
    assert (found.tries, found.is_finished) == (4, False)


def test_no_tries_leave_the_case_as_it_is() -> None:
    subject = lost_if(lambda shown: True)
    case = stored(killed(put(1), put(2)))
    found = minimise(subject, case, LOST, most_tries=0)
    assert (case_of(found), found.tries, found.is_finished) == (case.case, 0, False)
    assert not found.is_late


def test_starts_of_the_subject_are_a_budget_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try with a power loss can have hundreds of recoveries, and a subject can be slow."""
    case = stored(killed(*(put(number) for number in range(40))))
    subject = lost_if(lambda shown: len(calls_of(shown.case)) == 40)
    whole = smallest(case, subject)
    run = subject(case)
    monkeypatch.setattr(trial, "STARTS", 3 * (len(run.boots) + run.recoveries))
    found = smallest(case, subject)
    assert whole.is_finished
    assert (found.is_finished, found.is_late) == (False, False)
    assert 0 < found.tries <= 3 < whole.tries


def test_a_start_on_large_files_or_with_long_traces_counts_as_several() -> None:
    run = lost_if(lambda shown: True)(stored(killed(put(1))))
    few = starts_of(run)
    assert few == len(run.boots) + run.recoveries
    (boot,) = run.boots
    at_the_end = boot.recording.rows[-1]._replace(
        kind=EventKind.WRITE, path="data", offset=(10 << 20) - 5, length=5, data=b"12345"
    )
    large = with_rows(run, [*boot.recording.rows, at_the_end])
    assert starts_of(large) == few + few * (10 << 20) // trial.BYTES_PER_START
    again = with_rows(run, [*boot.recording.rows, at_the_end, at_the_end])
    assert starts_of(again) == starts_of(large)
    long = with_rows(run, boot.recording.rows * trial.EVENTS_PER_START)
    assert starts_of(long) == few + len(boot.recording.rows)


def with_rows(run: CaseRun, rows: list[EventRow]) -> CaseRun:
    (boot,) = run.boots
    return replace(run, boots=(replace(boot, recording=replace(boot.recording, rows=rows)),))


def test_a_budget_that_ends_among_the_content_has_left_out_nothing_that_matters() -> None:
    """Its 40 bytes are shortened by halves; no operation can go."""

    def is_wrong(shown: Shown) -> bool:
        operations = [each for boot in shown.case.boots for each in boot.operations]
        records = [each.record for each in operations if each.record is not None]
        return any(len(record.payload) > 20 for record in records)

    case = stored(closed(put(1, b"z" * 40)))
    subject = lost_if(is_wrong)
    whole = smallest(case, subject)
    assert whole.is_finished
    cut = smallest(case, subject, most_tries=whole.tries - 2)
    assert (cut.tries, cut.is_finished) == (whole.tries - 2, True)
    assert case_of(cut) != case_of(whole)
    begun = smallest(case, subject, most_tries=0)
    assert not begun.is_finished


def test_the_end_of_the_time_leaves_the_smallest_case_so_far() -> None:
    """The time budget ends a run in the middle; what was found before is kept."""
    case = stored(killed(*(put(number) for number in range(8))))
    subject = lost_if(lambda shown: len(calls_of(shown.case)) == 8)
    subject.error = lambda case: TimeOver() if len(subject.tried) > 4 else None
    found = smallest(case, subject)
    assert len(calls_of(case_of(found))) == 8
    assert (found.tries, found.is_finished, found.is_late) == (4, False, True)
    found = smallest(case, subject)
    assert (found.run, found.tries, found.is_late) == (None, 0, True)


# Power losses.


def loses(line: bytes) -> Callable[[Shown], bool]:
    """Hold where a line that was appended is not in the log that a power loss left."""

    def holds(shown: Shown) -> bool:
        return shown.image is not None and line not in shown.log and has_acknowledged(shown, line)

    return holds


def has_acknowledged(shown: Shown, line: bytes) -> bool:
    """Whether the put of a line was acknowledged before the last crash."""
    return any(
        call.operation.record is not None
        and call.operation.record.id.encode() in line
        and call.outcome is Outcome.ACKNOWLEDGED
        for call in shown.last.history.calls
    )


LINE = b"PutOperation op-1\n"
LOSS = PowerLoss(seed=1, images=100)


def test_a_power_loss_becomes_the_simplest_that_shows_the_same() -> None:
    boot = closed(put(1), put(2), put(3), loss=LOSS)
    found = smallest(stored(boot), lost_if(loses(LINE)))
    case = case_of(found)
    assert calls_of(case) == [put_named(1)]
    (choice,) = [trial.choice_of(case, 0)]
    assert choice is not None
    assert choice.model is PersistenceModel.ORDERED, "the strictest model that shows it"
    assert choice.position.placement is Placement.AFTER
    assert found.run is not None
    assert found.run.landings[-1].kind is EventKind.REPLY, "between two calls"


def test_a_kill_takes_the_place_of_a_power_loss_where_it_shows_the_same() -> None:
    boot = closed(put(1), SYNC, loss=LOSS)
    holds = crashed(lambda shown: has_acknowledged(shown, LINE))
    found = smallest(stored(boot), lost_if(holds))
    assert case_of(found).boots[0].crash == after_reply(1)
    assert found.run is not None
    assert found.run.model is PersistenceModel.KILL


def test_what_only_weaker_models_show_is_not_sought_in_the_contracts_model() -> None:
    boot = closed(put(1), put(2), loss=LOSS)
    found = smallest(stored(boot), lost_if(loses(LINE)), beyond=PersistenceModel.EXT4)
    choice = trial.choice_of(case_of(found), 0)
    assert choice is not None
    assert choice.model is PersistenceModel.POSIX


def test_a_run_that_is_not_found_again_is_sought_by_what_its_loss_fell_on() -> None:
    """As of a subject that makes another trace each time: the exact image has no place."""
    subject = lost_if(loses(LINE))
    kept = subject(stored(closed(put(1), put(2), loss=LOSS)))
    assert kept.judgement.verdict is Verdict.FAIL
    other = stored(closed(loss=PowerLoss(seed=1, images=1)))
    assert minimise(subject, other, LOST).run is None
    found = minimise(subject, other, LOST, kept=kept)
    assert calls_of(case_of(found)) == [put_named(1)]


def test_the_same_case_gives_the_same_smallest_case_in_as_many_tries() -> None:
    boot = closed(put(1), put(2), put(3), SYNC, loss=LOSS)
    one, two = (smallest(stored(boot), lost_if(loses(LINE))) for _ in range(2))
    assert one.run is not None
    assert two.run is not None
    assert (one.run.case, one.tries) == (two.run.case, two.tries)


def test_the_subject_that_is_made_up_has_the_traces_that_a_recorder_tells() -> None:
    """What these tests rest on: kills cut the trace where a `CrashPoint` says."""
    plan = killed(put(1), at=within(1, KEPT_SCALE // 2))
    boot = made_up.boot_of(1, plan)
    assert [each.kind for each in boot.events()] == [EventKind.CREATE, EventKind.REPLY]
    assert boot.landing is not None
    assert str(boot.landing) == "boot 1, within event 2: write log, 18 bytes at 0, bytes 0-8 kept"
