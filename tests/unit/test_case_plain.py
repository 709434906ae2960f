"""What of a failing case needs its crashes: the control decides, and the rules that it keeps."""

from dataclasses import replace
from typing import cast

import pytest
from made_up_subject import MadeUpSubject, Rule, Shown, closed, killed, put, stored

from walcrash.case import plain
from walcrash.case.case_run import CaseRun
from walcrash.case.plain import Blame, blame
from walcrash.case.sandbox import Sandbox
from walcrash.values.case_file import StoredCase
from walcrash.values.operation import OperationKind
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
