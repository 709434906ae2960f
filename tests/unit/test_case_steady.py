"""A clock that goes back: whether a failure needs it, and which recovery has it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from made_up_subject import SHOWN, MadeUpSubject, Rule, Shown, killed, put, stored

from walcrash.case import steady
from walcrash.case.case_run import CaseRun
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.case.steady import with_steady_clock
from walcrash.values.case_file import (
    StoredCase,
    stored_case_from_text,
    stored_case_to_text,
)
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.image import Image
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.verdict import Invariant, Verdict

LOST, WORK = Invariant.LOST_PUT, Invariant.NOT_APPENDABLE


def with_clock_back(case: StoredCase) -> StoredCase:
    return replace(case, case=replace(case.case, is_clock_back=True))


def decided(
    monkeypatch: pytest.MonkeyPatch, with_back: Rule, with_steady: Rule
) -> tuple[StoredCase, CaseRun]:
    """Run a case of a subject that breaks one rule where the clock goes back, another without."""

    def rule(shown: Shown) -> Invariant | None:
        return (with_back if shown.case.is_clock_back else with_steady)(shown)

    subject = MadeUpSubject(rule)
    monkeypatch.setattr(steady, "run_case", lambda _, asked: subject(asked))
    case = with_clock_back(stored(killed(put(1))))
    return with_steady_clock(cast("Sandbox", None), case, subject(case))


def test_what_only_a_clock_that_goes_back_shows_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    case, run = decided(monkeypatch, lambda _: WORK, lambda _: None)
    assert case.case.is_clock_back
    assert run.case.is_clock_back
    assert run.judgement.breaks_first(WORK)


def test_what_a_steady_clock_shows_too_is_said_of_a_steady_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case, run = decided(monkeypatch, lambda _: LOST, lambda _: LOST)
    assert not case.case.is_clock_back
    assert not run.case.is_clock_back
    assert run.judgement.breaks_first(LOST)


def test_another_failure_with_a_steady_clock_does_not_explain_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, run = decided(monkeypatch, lambda _: WORK, lambda _: LOST)
    assert run.case.is_clock_back
    assert run.judgement.breaks_first(WORK)


def test_a_pass_and_a_steady_case_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = decided(monkeypatch, lambda _: None, lambda _: LOST)
    assert run.verdict is Verdict.PASS
    case = stored(killed(put(1)))
    failed = MadeUpSubject(lambda _: LOST)(case)
    assert with_steady_clock(cast("Sandbox", None), case, failed) == (case, failed)


@dataclass
class Listening:
    """A sandbox whose subject shows nothing, and that notes around which recovery the clock is."""

    directory: str
    clocks: list[tuple[bool, bool]] = field(default_factory=list)

    def recover(
        self, _: object, operations: Sequence[Operation], *__: object,
        is_clock_back: bool = False, **___: object,
    ) -> BootHistory:  # fmt: skip
        works = any(operation.kind is OperationKind.APPEND for operation in operations)
        self.clocks.append((works, is_clock_back))
        return BootHistory((), SHOWN, BootEnd.CLOSED)

    def recover_killed(
        self, _: object, operations: Sequence[Operation], *__: object, **___: object
    ) -> tuple[BootHistory, Image | None]:
        return self.recover(_, operations), None


@pytest.mark.parametrize("is_back", [False, True])
def test_the_clock_is_back_where_new_records_are_appended_and_nowhere_else(
    tmp_path: Path, is_back: bool
) -> None:
    case = stored(killed(put(1)))
    sandbox = Listening(str(tmp_path))
    asked = with_clock_back(case) if is_back else case
    RecoveryRuns(cast("Sandbox", sandbox), asked, is_fresh=False).here(Image({}))
    assert sandbox.clocks == [(False, False), (True, is_back), (False, False), (False, False)]


def test_a_stored_case_keeps_it_and_one_from_before_has_none() -> None:
    case = stored(killed(put(1)))
    assert "is_clock_back" not in stored_case_to_text(case)
    assert stored_case_from_text(stored_case_to_text(case)).case.is_clock_back is False
    assert (
        stored_case_from_text(stored_case_to_text(with_clock_back(case))).case.is_clock_back is True
    )
