"""What a comparison counts and says."""

import json
from dataclasses import replace

from walcrash.report.compare_text import PARTED_SHOWN, comparison_json, comparison_text
from walcrash.values.compare import ComparedCase, Cost, Side, SubjectComparison, cost_of
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.verdict import Invariant, Verdict, Violation

PASSED = Side(verdict=Verdict.PASS, images=3)
LOST = Side(verdict=Verdict.FAIL, broken=(Invariant.LOST_PUT,), message="op-1 is gone")


def comparison(*cases: tuple[Side, Side]) -> SubjectComparison:
    return SubjectComparison(
        names=("mylog", "mylog (sync=none)"),
        words=("my log.toml", "mylog,sync=none"),
        seed="7",
        left_out=("compact",),
        cases=tuple(
            ComparedCase(index=index, first=first, second=second)
            for index, (first, second) in enumerate(cases)
        ),
        costs=(
            Cost(operations=10, calls=40, written_bytes=1000, syncs=20),
            Cost(operations=10, calls=20, written_bytes=1000, syncs=0),
        ),
    )


def test_cost_counts_calls_bytes_and_syncs_and_no_messages() -> None:
    events = [
        Event(kind=EventKind.CREATE, path="log"),
        Event(kind=EventKind.WRITE, path="log", data=b"12345"),
        Event(kind=EventKind.WRITE, path="log", data=b"67", is_synchronous=True),
        Event(kind=EventKind.WRITE, path="map", data=b"8", flags=MAPPED),
        Event(kind=EventKind.MSYNC, path="map"),
        Event(kind=EventKind.FSYNC, path="log"),
        Event(kind=EventKind.REPLY, data=b"{}"),
    ]
    assert cost_of(events, operations=2) == Cost(operations=2, calls=5, written_bytes=8, syncs=3)


def test_cases_part_where_the_verdict_or_the_first_broken_invariant_differs() -> None:
    other = Side(verdict=Verdict.FAIL, broken=(Invariant.ORDER,), message="a hole")
    found = comparison((PASSED, PASSED), (PASSED, LOST), (LOST, LOST), (LOST, other))
    assert [case.index for case in found.parted] == [1, 3]
    assert found.verdict is Verdict.FAIL


def test_a_comparison_that_tested_nothing_is_not_green() -> None:
    assert comparison().verdict is Verdict.INCONCLUSIVE
    doubt = Side(verdict=Verdict.INCONCLUSIVE, message="a call that is not modelled")
    assert comparison((PASSED, PASSED), (PASSED, doubt)).verdict is Verdict.INCONCLUSIVE
    assert comparison((PASSED, PASSED)).verdict is Verdict.PASS


def test_what_needs_no_crash_is_a_failure_and_nothing_is_said_to_be_compared() -> None:
    wrong = Violation(Invariant.ORDER, "boot 2", "offsets do not grow", "more than 1", "1")
    found = replace(comparison(), plain=(None, wrong))
    assert found.verdict is Verdict.FAIL
    text = comparison_text(found)
    assert "FAIL  B without any crash · order · plain" in text
    assert "walcrash probe mylog,sync=none --seed 7" in text
    assert "cost, no crash" not in text
    assert "part" not in text
    first = replace(comparison(), plain=(wrong, None))
    assert "walcrash run 'my log.toml' --seed 7" in comparison_text(first)


def test_the_text_shows_where_they_part_the_ratio_and_how_to_run_one_alone() -> None:
    text = comparison_text(comparison((PASSED, PASSED), (PASSED, LOST)))
    assert "their verdicts part in 1 of 2 cases" in text
    assert "fail · lost-put" in text
    assert "walcrash compare 'my log.toml' mylog,sync=none --seed 7 --case 1" in text
    assert any(line.split() == ["calls", "40", "20", "0.50"] for line in text.splitlines())


def test_the_text_says_how_many_parted_cases_it_leaves_out() -> None:
    text = comparison_text(comparison(*[(PASSED, LOST)] * (PARTED_SHOWN + 3)))
    assert "and 3 more; --json has them all" in text


def test_a_cost_of_nothing_has_no_ratio() -> None:
    nothing = comparison((PASSED, PASSED))
    zero = SubjectComparison(
        names=nothing.names,
        words=nothing.words,
        seed="7",
        left_out=(),
        cases=nothing.cases,
        costs=(Cost(), Cost()),
    )
    assert any(
        line.split() == ["syncs", "0", "0", "-"] for line in comparison_text(zero).split("\n")
    )


def test_the_json_has_every_case() -> None:
    found = json.loads(json.dumps(comparison_json(comparison((PASSED, LOST)))))
    assert (found["format"], found["verdict"]) == (1, "fail")
    assert found["cases"][0]["second"]["broken"] == ["lost-put"]
