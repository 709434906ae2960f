"""What is kept of a case: a half-made store is one in which nothing had been acknowledged."""

from dataclasses import replace

import pytest
from test_story import NOTHING, OPENED, case_run, put, watched

from walcrash.case.outcome import has_acknowledged
from walcrash.values.history import Call, History, Outcome, Recoveries
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation


@pytest.mark.parametrize(
    ("where", "is_acknowledged"),
    [
        ("first recovery", False),
        ("after recovery, call 1", True),
        ("recovery after new records", True),
    ],
)
def test_what_is_acknowledged_after_the_last_recovery_counts_where_the_rule_broke_later(
    where: str, *, is_acknowledged: bool
) -> None:
    run = case_run(watched(OPENED))
    later = Recoveries(first=NOTHING, continued=(Call(put("new"), Outcome.ACKNOWLEDGED),))
    violation = Violation(Invariant.NOT_APPENDABLE, where, "")
    run = replace(
        run,
        history=History(run.history.boots, later),
        judgement=Judgement(Verdict.FAIL, (violation,), frozenset(), ()),
    )
    assert has_acknowledged(run) is is_acknowledged
