"""The fault matrix: what a case adds to it, what it says was never reached, and how it is shown."""

import errno
from dataclasses import replace

import pytest
from report_lines import ended, scenario_ended, scenario_started, started
from test_story import NOTHING, case_run, row, watched

from walcrash.campaign.fault_tally import matrix_of
from walcrash.case.case_run import CaseRun
from walcrash.case.fault_rows import fault_rows
from walcrash.recorder.recording import EventRow
from walcrash.report.formats import FORMATS
from walcrash.report.merge import merged_report
from walcrash.report.run_report import RunReport
from walcrash.report.summary import summary_text
from walcrash.values.event import INJECTED, EventKind
from walcrash.values.fault_matrix import (
    FULL_DISK,
    BootRow,
    CallRow,
    DamageRow,
    FaultMatrix,
    FaultOutcome,
    faults_of,
)
from walcrash.values.faults import (
    BootSelector,
    CallError,
    ClockJump,
    ErrorName,
    Fault,
    FaultCall,
    FaultKind,
    FaultPlan,
    RepeatedRandom,
    SlowCall,
)
from walcrash.values.faults.clock_jump import DAY_SECONDS, JUMP_NAMES
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.io_error import IoError
from walcrash.values.log import LogLine, line_from_json, line_to_json
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

PUT = Operation(OperationKind.APPEND, record=Record(RecordType.PUT, "op-1", 1, payload=b"x"))
SYNC = EventKind.FDATASYNC
FAULT = CallError(boot=0, call=1, on=FaultCall.FSYNC, error=ErrorName.EIO)
FIRST = IoError(boot=1, call=1, kind=SYNC, path="wal-7.log", nth=1, errno=errno.EIO)
PLACE = {
    "operation": OperationKind.APPEND,
    "record": RecordType.PUT,
    "call": EventKind.FSYNC,
    "role": "wal-#.log",
}


def struck(call: int) -> EventRow:
    return row(SYNC, call, "wal-7.log", result=-errno.EIO)._replace(flags=INJECTED)


def ran(
    *outcomes: Outcome,
    rows: tuple[EventRow, ...] = (struck(1),),
    end: BootEnd = BootEnd.CLOSED,
    verdict: Verdict = Verdict.PASS,
    broken: Invariant | None = None,
    is_stuck: bool = False,
) -> CaseRun:
    """Return a case whose first append has its sync struck; `outcomes` are those of its appends."""
    boot = watched(list(rows), *[PUT] * len(outcomes), end=end)
    opened = Call(Operation(OperationKind.OPEN), Outcome.ACKNOWLEDGED)
    calls = (opened, *(Call(PUT, outcome) for outcome in outcomes))
    history = BootHistory(calls, NOTHING, end, errors=(FIRST,), is_stuck=is_stuck)
    violations = () if broken is None else (Violation(broken, "first recovery", ""),)
    run = case_run(replace(boot, history=history))
    return replace(
        run,
        case=replace(run.case, faults=(FAULT,)),
        history=History((history,), Recoveries(first=NOTHING)),
        judgement=Judgement(verdict, violations, frozenset(), ()),
    )


def came_to(run: CaseRun) -> dict[str, dict[FaultOutcome, int]]:
    (found,) = fault_rows(run).calls
    assert (found.call, found.role) == (EventKind.FSYNC, "wal-#.log")
    assert (found.operation, found.record) == (OperationKind.APPEND, RecordType.PUT)
    return {fault: dict(outcomes) for fault, outcomes in found.struck.items()}


ACKED, REFUSED = Outcome.ACKNOWLEDGED, Outcome.REFUSED
AGAIN = (struck(1), struck(1), row(SYNC, 1, "wal-7.log"))


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (ran(REFUSED, ACKED), FaultOutcome.REFUSED),
        (ran(REFUSED), FaultOutcome.REFUSED),
        (ran(REFUSED, REFUSED), FaultOutcome.REOPENED),
        (ran(Outcome.UNANSWERED, end=BootEnd.DIED), FaultOutcome.ENDED),
        (ran(Outcome.UNANSWERED, end=BootEnd.KILLED), FaultOutcome.CUT_OFF),
        (ran(ACKED, ACKED), FaultOutcome.KEPT),
        (ran(ACKED, rows=AGAIN), FaultOutcome.RETRIED),
        (ran(ACKED, verdict=Verdict.INCONCLUSIVE), FaultOutcome.UNJUDGED),
        (
            ran(ACKED, verdict=Verdict.FAIL, broken=Invariant.UNREPORTED_ERROR),
            FaultOutcome.WRONG,
        ),
        (
            ran(
                Outcome.UNANSWERED,
                verdict=Verdict.FAIL,
                broken=Invariant.UNREPORTED_ERROR,
                is_stuck=True,
            ),
            FaultOutcome.HUNG,
        ),
        (ran(ACKED, verdict=Verdict.FAIL, broken=Invariant.LOST_PUT), FaultOutcome.UNJUDGED),
    ],
)
def test_a_strike_is_told_by_what_became_of_its_operation(
    run: CaseRun, outcome: FaultOutcome
) -> None:
    assert came_to(run) == {"EIO": {outcome: 1}}


def test_a_failing_case_of_several_strikes_does_not_say_which_one_it_was() -> None:
    rows = (struck(1), struck(2))
    run = ran(ACKED, ACKED, rows=rows, verdict=Verdict.FAIL, broken=Invariant.UNREPORTED_ERROR)
    assert came_to(run) == {"EIO": {FaultOutcome.UNJUDGED: 2}}
    assert came_to(ran(REFUSED, ACKED, rows=rows)) == {
        "EIO": {FaultOutcome.REFUSED: 1, FaultOutcome.KEPT: 1}
    }


SLOW_FAULT = SlowCall(boot=0, call=1, on=FaultCall.FSYNC, delay_ms=5)
BEGINS = row(EventKind.SLOW, 1, "wal-7.log", data=b"fdatasync")
RETURNS = row(SYNC, 1, "wal-7.log")
OTHER = row(EventKind.WRITE, 1, "state")._replace(thread=2)


def slowed(*rows: EventRow, outcome: Outcome = ACKED, **changes: object) -> CaseRun:
    run = ran(outcome, rows=rows, **changes)  # type: ignore[arg-type]
    boots = tuple(replace(boot, errors=()) for boot in run.history.boots)
    return replace(
        run,
        case=replace(run.case, faults=(SLOW_FAULT,)),
        history=replace(run.history, boots=boots),
    )


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (slowed(BEGINS, RETURNS), FaultOutcome.WAITED),
        (
            slowed(BEGINS, RETURNS, verdict=Verdict.FAIL, broken=Invariant.LOST_PUT),
            FaultOutcome.UNJUDGED,
        ),
        (slowed(BEGINS, OTHER, RETURNS), FaultOutcome.KEPT),
        (slowed(BEGINS, RETURNS, outcome=REFUSED), FaultOutcome.REFUSED),
        (
            slowed(BEGINS, OTHER, outcome=Outcome.UNANSWERED, end=BootEnd.KILLED),
            FaultOutcome.CUT_OFF,
        ),
        (
            slowed(BEGINS, OTHER, verdict=Verdict.FAIL, broken=Invariant.LOST_PUT),
            FaultOutcome.WRONG,
        ),
        (
            slowed(
                BEGINS, OTHER, verdict=Verdict.FAIL, broken=Invariant.UNRECOVERABLE, is_stuck=True
            ),
            FaultOutcome.HUNG,
        ),
    ],
)
def test_a_slow_call_is_told_by_its_operation_and_by_what_went_on(
    run: CaseRun, outcome: FaultOutcome
) -> None:
    (found,) = (each for each in fault_rows(run).calls if each.call is EventKind.FSYNC)
    assert {fault: dict(each) for fault, each in found.struck.items()} == {"slow": {outcome: 1}}
    # A slow call is in the trace where it began and where it was made.
    assert found.made == sum(each is RETURNS for boot in run.boots for each in boot.recording.rows)


def test_of_several_slow_calls_the_one_that_others_went_on_during_is_to_blame() -> None:
    later = tuple(each._replace(call=2) for each in (BEGINS, OTHER, RETURNS))
    rows = (BEGINS, RETURNS, *later)
    run = ran(ACKED, ACKED, rows=rows, verdict=Verdict.FAIL, broken=Invariant.LOST_PUT)
    assert came_to_slow(run) == {FaultOutcome.WRONG: 1, FaultOutcome.UNJUDGED: 1}
    both = ran(
        ACKED, ACKED, rows=(BEGINS, OTHER, *later), verdict=Verdict.FAIL, broken=Invariant.LOST_PUT
    )
    assert came_to_slow(both) == {FaultOutcome.UNJUDGED: 2}


def came_to_slow(run: CaseRun) -> dict[FaultOutcome, int]:
    found = fault_rows(replace(run, case=replace(run.case, faults=(SLOW_FAULT,)))).calls
    return dict(next(each for each in found if each.call is EventKind.FSYNC).struck["slow"])


def booted(*faults: Fault, has_asked: bool = True, verdict: Verdict = Verdict.PASS) -> CaseRun:
    """Return a case of two closed boots that asked for random bytes, or did not."""
    first = watched([RETURNS], PUT, end=BootEnd.CLOSED)
    recording = replace(first.recording, has_asked_random=has_asked)
    run = case_run(*[replace(first, recording=recording)] * 2)
    broken = (Violation(Invariant.ORDER, "first recovery", ""),) if verdict is Verdict.FAIL else ()
    return replace(
        run,
        case=replace(run.case, faults=faults),
        judgement=Judgement(verdict, broken, frozenset(), ()),
    )


def test_names_that_files_got_by_a_rename_are_known_also_in_a_directory() -> None:
    rows = (
        row(EventKind.CREATE, 1, "new/state.tmp"),
        row(EventKind.RENAME, 1, "new/state.tmp")._replace(path_to="new/state-1"),
        row(EventKind.RENAME, 1, "new")._replace(path_to="db"),
        row(EventKind.RENAME, 1, "none", result=-errno.ENOENT)._replace(path_to="never"),
    )
    assert fault_rows(ran(ACKED, rows=rows)).renamed == (
        "db",
        "db/state-#",
        "db/state.tmp",
        "new/state-#",
    )


FIRST_BEHIND = ClockJump(boot=0, call=0, shift_seconds=-DAY_SECONDS)
LATER_AHEAD = ClockJump(boot=1, call=0, shift_seconds=12 * 365 * DAY_SECONDS)
REPEATED = tuple(RepeatedRandom(boot=boot, call=0) for boot in (0, 1))


@pytest.mark.parametrize(
    ("run", "first", "later"),
    [
        (booted(FIRST_BEHIND), {"clock days behind": {FaultOutcome.KEPT: 1}}, {}),
        (
            booted(FIRST_BEHIND, LATER_AHEAD, verdict=Verdict.FAIL),
            {"clock days behind": {FaultOutcome.WRONG: 1}},
            {"clock decades ahead": {FaultOutcome.WRONG: 1}},
        ),
        (
            booted(*REPEATED),
            {"repeated random": {FaultOutcome.KEPT: 1}},
            {"repeated random": {FaultOutcome.KEPT: 1}},
        ),
        (booted(REPEATED[1]), {}, {"repeated random": {FaultOutcome.NO_EFFECT: 1}}),
        (
            booted(*REPEATED, has_asked=False),
            {"repeated random": {FaultOutcome.NO_EFFECT: 1}},
            {"repeated random": {FaultOutcome.NO_EFFECT: 1}},
        ),
    ],
)
def test_whole_boots_have_rows_of_their_own(run: CaseRun, first: object, later: object) -> None:
    rows = fault_rows(run).boots
    assert [(each.is_later, each.made, each.struck) for each in rows] == [
        (False, 1, first),
        (True, 1, later),
    ]


def test_kinds_of_jumps_that_a_plan_asks_for_and_no_boot_had_were_never_reached() -> None:
    matrix = fault_rows(booted(FIRST_BEHIND))

    def never(**changes: object) -> list[tuple[str, ...]]:
        found = matrix_of(matrix, [FaultPlan(kind=FaultKind.CLOCK, **changes)])  # type: ignore[arg-type]
        assert found is not None
        assert not found.calls
        return [each.never for each in found.boots]

    every = tuple(name for name in JUMP_NAMES if name != "clock days behind")
    assert never() == [every, JUMP_NAMES]
    hours = ("clock hours ahead", "clock hours behind")
    assert never(shift_seconds=(-DAY_SECONDS + 1, 10)) == [hours, hours]
    assert never(shift_seconds=(5, DAY_SECONDS), boots=BootSelector.LATER) == [
        (),
        ("clock hours ahead", "clock days ahead"),
    ]
    # Other faults have no rows of boots, and a slow call is one that a plan may ask for.
    slow = matrix_of(fault_rows(ran(ACKED)), [FaultPlan(kind=FaultKind.SLOW)])
    assert slow is not None
    assert (slow.boots, slow.calls[0].never) == ((), ("slow",))


def call_row(**changes: object) -> CallRow:
    return replace(CallRow(**PLACE), **changes)  # type: ignore[arg-type]


def test_what_a_plan_asks_for_and_nothing_struck_was_never_reached() -> None:
    matrix = FaultMatrix(calls=(call_row(made=9, struck={"EIO": {FaultOutcome.REFUSED: 2}}),))
    error = FaultPlan(kind=FaultKind.ERROR)

    def never(*plans: FaultPlan) -> tuple[str, ...]:
        found = matrix_of(matrix, plans)
        assert found is not None
        return found.calls[0].never

    others = ("EIO", "slow", "EIO late", "EIO reverted")
    errors = tuple(name for name in faults_of(EventKind.FSYNC) if name not in others)
    assert never(error) == errors
    named = replace(error, calls=(FaultCall.FSYNC,), errors=(ErrorName.ENOSPC,))
    assert never(named) == ("ENOSPC",)
    assert never(replace(named, files="wal-*.log")) == ("ENOSPC",)
    assert never(replace(named, files="state")) == ()
    assert never(replace(named, operations=("PutOperation",))) == ("ENOSPC",)
    assert never(replace(named, operations=("open",))) == ()
    # A sync takes no room. A scenario of kills has a matrix where it fits faults itself.
    assert never(FaultPlan(kind=FaultKind.QUOTA)) == ()
    assert matrix_of(FaultMatrix(calls=(call_row(made=9),)), (FaultPlan(),)) is None
    both = replace(matrix, calls=(*matrix.calls, call_row(made=3, role="other")))
    assert matrix_of(both, (FaultPlan(),)) == matrix


def test_matrices_add_up_and_what_one_run_struck_was_reached() -> None:
    one = FaultMatrix(
        calls=(call_row(made=3, struck={"EIO": {FaultOutcome.KEPT: 1}}, never=("ENOSPC", "EINTR")),)
    )
    other = FaultMatrix(
        calls=(call_row(made=4, struck={"ENOSPC": {FaultOutcome.WRONG: 2}}, never=("EIO",)),),
        damaged=(DamageRow(role="a", struck={"bit": {FaultOutcome.REPORTED: 1}}, never=("cut",)),),
    )
    (both,) = FaultMatrix.sum([one, other]).calls
    assert (both.made, both.never) == (7, ("EINTR",))
    assert both.struck == {"EIO": {FaultOutcome.KEPT: 1}, "ENOSPC": {FaultOutcome.WRONG: 2}}
    assert FaultMatrix.sum([one, other]).reached == 3
    assert FaultMatrix.sum([one, other]).never == 2


def test_random_letters_that_look_like_a_word_are_of_the_role_that_they_match() -> None:
    rows = [call_row(role=role, made=1) for role in ("a.*", "a.tevhit", "b.tevhit")]
    found = FaultMatrix.sum([FaultMatrix(calls=(row,)) for row in rows])
    assert [(row.role, row.made) for row in found.calls] == [("a.*", 2), ("b.tevhit", 1)]


FULL = FaultMatrix(
    calls=(
        call_row(made=12, struck={"EIO": {FaultOutcome.WRONG: 2}}, never=("EINTR",)),
        call_row(
            call=EventKind.WRITE, made=5, struck={FULL_DISK: {FaultOutcome.REFUSED: 3}}, never=()
        ),
    ),
    boots=(
        BootRow(
            is_later=True,
            made=9,
            struck={"clock days behind": {FaultOutcome.KEPT: 4}},
            never=("repeated random",),
        ),
    ),
    damaged=(DamageRow(role="<b>", struck={"bit": {FaultOutcome.SHORTER: 7}}, never=("zeros",)),),
)


def lines() -> list[LogLine]:
    return [
        started("quick"),
        scenario_started("quick"),
        scenario_ended("quick", 4, 0, matrix=FULL),
        ended(Verdict.PASS, 4),
    ]


def test_the_log_holds_the_matrix_and_gives_it_back() -> None:
    line = lines()[2]
    assert line_from_json(line_to_json(line)) == line
    assert "matrix" not in line_to_json(scenario_ended("quick", 4, 0))


def test_the_matrix_is_in_every_report() -> None:
    report = RunReport.of(lines())
    text = FORMATS["matrix"].render(report)
    assert "fsync wal-#.log of append PutOperation" in text
    assert "never     fsync wal-#.log of append PutOperation: EINTR" in text
    assert "never     later boot: repeated random" in text
    assert "cells     4 reached, 3 never" in text
    markdown = FORMATS["matrix-markdown"].render(report)
    assert "| fsync wal-\\#.log | **2 wrong** | never | - |" in markdown
    assert "| later boot | 4 kept | never |" in markdown
    assert "| quick | 4 | 4 | 3 | 3 | 4 | 7 | 2 | - |" in markdown
    page = FORMATS["html"].render(report)
    assert '<td class="bad">2 wrong' in page
    assert '<td class="never">never' in page
    assert '<th scope="row">later boot<td>9<td class="hit">4 kept' in page
    assert "&lt;b&gt;" in page
    end = summary_text(report, seconds=1.0, report_path="")
    assert "4 of 7 reached, by call, file, operation and fault" in end
    assert "a whole boot" in end
    assert "| damage at rest | - | - | 7 | - | 1 |" in FORMATS["github"].render(report)
    for name in ("junit", "sarif"):
        assert "cells of the fault matrix reached" in FORMATS[name].render(report)
    merged = merged_report([lines(), lines()])
    assert merged.scenarios[0].matrix == FaultMatrix.sum([FULL, FULL])
