"""What of a failing case needs its crashes: the control decides, and the rules that it keeps."""

from dataclasses import replace
from typing import cast

import pytest
from made_up_subject import (
    MadeUpSubject,
    Rule,
    Shown,
    calls_of,
    closed,
    done,
    killed,
    put,
    stored,
)

from walcrash.case import plain
from walcrash.case.case_run import CaseRun
from walcrash.case.plain import Blame, blame
from walcrash.case.sandbox import Sandbox
from walcrash.values.case import Case
from walcrash.values.case_file import StoredCase
from walcrash.values.event import EventKind
from walcrash.values.faults import CallError, CrashPoint, ErrorName, FaultCall
from walcrash.values.history import Outcome
from walcrash.values.io_error import IoError
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload.control import control_of

LOST, STATE, WORK = Invariant.LOST_PUT, Invariant.CHECKPOINT_STATE, Invariant.NOT_APPENDABLE


def blamed(monkeypatch: pytest.MonkeyPatch, crashed: Rule, control: Rule) -> Blame:
    """Blame a case of a subject that breaks one rule after a crash, and another without one."""

    def run_case(_: object, asked: StoredCase) -> CaseRun:
        def rule(shown: Shown) -> Invariant | None:
            broken = (control if shown.case.is_control else crashed)(shown)
            return broken if broken in asked.invariants else None

        return MadeUpSubject(rule)(asked)

    monkeypatch.setattr(plain, "run_case", run_case)
    case = stored(killed(put(1)), killed(put(2)))
    return blame(cast("Sandbox", None), case, run_case(None, case))


def test_a_failure_that_the_control_does_not_show_needs_its_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = blamed(monkeypatch, lambda _: LOST, lambda _: None)
    assert found.plain is None
    assert found.crash is not None
    assert not found.crash.case.is_control


def test_what_the_call_under_way_would_hide_needs_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The subject is wrong while op-1 is open: the control, in which it is done, passes."""
    in_the_mark = CrashPoint(call=2, ordinal=0, placement=Placement.BEFORE, event=EventKind.WRITE)

    def is_open(shown: Shown) -> Invariant | None:
        replies = [call for boot in shown.boots for call in boot.history.calls]
        answered = [call for call in replies if call.outcome is Outcome.ACKNOWLEDGED]
        records = [call.operation.record for call in answered]
        types = [record.type for record in records if record is not None]
        return STATE if types == [RecordType.PUT] else None

    asked: list[Case] = []

    def run_case(_: object, asking: StoredCase) -> CaseRun:
        asked.append(asking.case)
        return MadeUpSubject(is_open)(asking)

    monkeypatch.setattr(plain, "run_case", run_case)
    case = stored(killed(put(1), done(1), at=in_the_mark))
    found = blame(cast("Sandbox", None), case, MadeUpSubject(is_open)(case))
    assert found.crash is None
    assert found.plain is not None
    assert [calls_of(each) for each in asked] == [calls_of(case.case), [str(put(1))]]
    assert all(each.is_control for each in asked)


def test_a_case_whose_calls_were_all_answered_has_one_control(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = MadeUpSubject(lambda shown: None if shown.case.is_control else LOST)
    monkeypatch.setattr(plain, "run_case", lambda _, asked: subject(asked))
    case = stored(killed(put(1)))
    run = subject(case)
    assert blame(cast("Sandbox", None), case, run).crash == run
    assert len(subject.tried) == 2


@pytest.mark.parametrize("after_a_crash", [LOST, STATE, WORK])
def test_a_failure_that_is_no_worse_than_the_controls_needs_no_crash(
    monkeypatch: pytest.MonkeyPatch, after_a_crash: Invariant
) -> None:
    """A record that is lost anyhow may be missed by any later rule."""
    found = blamed(monkeypatch, lambda _: after_a_crash, lambda _: LOST)
    assert found.crash is None
    assert found.plain is not None
    assert found.plain.case.is_control
    assert found.plain.judgement.breaks_first(LOST)


def test_what_is_worse_than_the_controls_failure_counts_for_the_crash_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = blamed(monkeypatch, lambda _: LOST, lambda _: STATE)
    assert found.plain is not None
    assert found.plain.judgement.breaks_first(STATE)
    assert found.crash is not None
    assert found.crash.judgement.breaks_first(LOST)
    assert found.stored.invariants == frozenset(Invariant) - {STATE}


def test_a_control_that_fails_is_its_own_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    case = stored(closed(put(1)))
    run = MadeUpSubject(lambda _: LOST)(case)
    assert run.verdict is Verdict.FAIL
    assert blame(cast("Sandbox", None), case, run) == Blame(crash=None, stored=case, plain=run)


def test_a_control_has_the_same_operations_and_nothing_is_done_to_it() -> None:
    case = stored(killed(put(1)), closed(put(2))).case
    control = control_of(case)
    assert control.is_control
    assert not case.is_control
    assert [boot.operations[:2] for boot in control.boots] == [
        boot.operations[:2] for boot in case.boots
    ]
    ends = [boot.operations[-1].kind for boot in control.boots]
    assert ends == [OperationKind.CLOSE] * 2
    assert control_of(control) == control
    assert replace(control, boots=case.boots) == case


ERROR = CallError(boot=1, call=1, on=FaultCall.FSYNC, error=ErrorName.EIO)
UNREPORTED = Invariant.UNREPORTED_ERROR


def struck(monkeypatch: pytest.MonkeyPatch, without: Invariant | None) -> tuple[Blame, CaseRun]:
    """Blame a case with an error whose subject breaks another rule, or none, without it."""

    def rule(shown: Shown) -> Invariant | None:
        return UNREPORTED if shown.case.faults else None if shown.case.is_control else without

    subject = MadeUpSubject(rule)
    monkeypatch.setattr(plain, "run_case", lambda _, asked: subject(asked))
    case = stored(killed(put(1)), killed(put(2)))
    case = replace(case, case=replace(case.case, faults=(ERROR,)))
    run = subject(case)
    return blame(cast("Sandbox", None), case, run), run


def test_what_fails_with_its_crashes_and_without_its_error_fails_for_its_crashes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, run = struck(monkeypatch, LOST)
    assert found.plain is None
    assert found.crash is not None
    assert found.crash.judgement.breaks_first(LOST)
    assert not found.crash.case.faults
    assert found.crash.case.boots == run.case.boots
    assert found.stored.case == found.crash.case


def test_what_passes_without_its_error_fails_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found, run = struck(monkeypatch, None)
    assert found.plain is None
    assert found.crash == run
    assert found.stored.case.faults == (ERROR,)


def test_what_fails_without_a_boot_that_the_error_ended_in_open_fails_for_its_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second boot makes the store, since the first was refused: a kill leaves half of it."""
    in_open = CallError(boot=0, call=0, on=FaultCall.CREATE, error=ErrorName.EIO)

    def rule(shown: Shown) -> Invariant | None:
        if shown.case.is_control:
            return None
        return UNREPORTED if shown.case.faults else (LOST if len(shown.boots) == 1 else None)

    subject = MadeUpSubject(rule)
    monkeypatch.setattr(plain, "run_case", lambda _, asked: subject(asked))
    case = stored(killed(put(1)), killed(put(2)))
    case = replace(case, case=replace(case.case, faults=(in_open,)))
    run = subject(case)
    first, second = run.history.boots
    error = IoError(boot=1, call=0, kind=EventKind.CREATE, path="log", nth=1, errno=5)
    refused = RecoveryFailure(FailureKind.REFUSED, "no")
    gave_up = replace(first, errors=(error,), recovery=refused)
    refused_run = replace(run, history=replace(run.history, boots=(gave_up, second)))
    found = blame(cast("Sandbox", None), case, refused_run)
    assert found.crash is not None
    assert found.crash.judgement.breaks_first(LOST)
    assert found.crash.case.boots == run.case.boots[1:]
    assert blame(cast("Sandbox", None), case, run).crash == run


def test_what_fails_without_an_append_that_the_error_had_refused_fails_for_its_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log holds one record where the other was refused, and two without the error."""

    def rule(shown: Shown) -> Invariant | None:
        if shown.case.is_control:
            return None
        appends = calls_of(shown.case)
        return UNREPORTED if shown.case.faults else (LOST if appends == [str(put(2))] else None)

    subject = MadeUpSubject(rule)
    monkeypatch.setattr(plain, "run_case", lambda _, asked: subject(asked))
    case = stored(killed(put(1), put(2)))
    fault = CallError(boot=0, call=1, on=FaultCall.WRITE, error=ErrorName.EIO)
    case = replace(case, case=replace(case.case, faults=(fault,)))
    run = subject(case)
    assert blame(cast("Sandbox", None), case, run).crash == run
    (boot,) = run.history.boots
    error = IoError(boot=1, call=1, kind=EventKind.WRITE, path="log", nth=1, errno=5)
    calls = (boot.calls[0], replace(boot.calls[1], outcome=Outcome.REFUSED), *boot.calls[2:])
    refused = replace(boot, calls=calls, errors=(error,))
    refused_run = replace(run, history=replace(run.history, boots=(refused,)))
    found = blame(cast("Sandbox", None), case, refused_run)
    assert found.crash is not None
    assert found.crash.judgement.breaks_first(LOST)
    crash = found.crash.case.boots[0].crash
    assert isinstance(crash, CrashPoint)
    assert crash.call == 1
