"""What a subject refuses without a fault, and what it may refuse."""

from dataclasses import replace

import pytest
from oracle_builder import (
    CLOSE,
    COMPACT,
    NOTHING,
    SYNC,
    acked,
    closed,
    killed,
    put,
    refused,
    shows,
    tick,
)

from walcrash.oracle import refusal_without_fault, with_refusals
from walcrash.values.contract import Contract
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

A, B = put("a", 0), put("b", 1)


ASKED = Terms(Contract(), frozenset({"compact"}), frozenset(Invariant))
RIGHT = Judgement(Verdict.PASS, (), frozenset({Invariant.ORDER}), ())


def no(call: Call, error: str = "there is no such request") -> Call:
    return replace(call, outcome=Outcome.REFUSED, error=error)


def refusal(*boots: BootHistory, continued: tuple[Call, ...] = ()) -> str:
    return refusal_without_fault(History(boots, Recoveries(shows(A), continued=continued)))


def test_a_case_in_which_everything_was_accepted_has_no_refusal() -> None:
    assert not refusal(closed(acked(A), SYNC, tick("a"), COMPACT), continued=(acked(B), CLOSE))


@pytest.mark.parametrize("call", [SYNC, COMPACT, tick()], ids=lambda c: c.operation.kind.value)
def test_a_refused_request_is_named_with_its_place_and_the_subjects_words(call: Call) -> None:
    kind = call.operation.kind.value
    expected = f"it refused `{kind}` in boot 2, call 2: 'there is no such request'"
    assert refusal(closed(acked(A)), closed(acked(B), no(call))) == expected


def test_a_refused_close_counts_as_well() -> None:
    boot = BootHistory((*killed(acked(A)).calls, no(CLOSE, "busy")), NOTHING, BootEnd.CLOSED)
    assert refusal(boot) == "it refused `close` in boot 1, call 2: 'busy'"


def test_what_is_refused_after_the_last_recovery_is_found_and_the_others_are_counted() -> None:
    found = refusal(closed(acked(A)), continued=(acked(B), no(tick()), no(tick())))
    assert found.startswith("it refused `tick` after recovery, call 1: ")
    assert found.endswith("; 1 more is refused")


def test_an_append_that_may_be_there_is_a_refusal() -> None:
    expected = "it refused `append` of `PutOperation b` in boot 1, call 2: 'disk full'"
    assert refusal(closed(acked(A), refused(B))) == expected


def test_one_append_that_is_refused_for_certain_is_the_subjects_own_limit() -> None:
    assert not refusal(closed(acked(A), refused(B, Outcome.REFUSED_DEFINITE)))


def test_a_subject_that_takes_no_record_at_all_is_not_passed() -> None:
    boots = [closed(refused(each, Outcome.REFUSED_DEFINITE)) for each in (A, B)]
    assert "`PutOperation a` in boot 1, call 1" in refusal(*boots)


def test_a_case_without_operations_has_no_refusal() -> None:
    assert not refusal(closed())


def test_a_control_in_which_something_was_refused_breaks_the_rule_about_new_records() -> None:
    history = History((closed(acked(A), no(COMPACT)),), Recoveries(shows(A)))
    judgement = with_refusals(ASKED, RIGHT, history)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.breaks_first(Invariant.NOT_APPENDABLE)
    assert judgement.worst.message.startswith("it refused `compact` in boot 1, call 2: ")
    assert judgement.judged == {Invariant.ORDER, Invariant.NOT_APPENDABLE}


def test_what_is_more_severe_than_a_refusal_names_the_finding() -> None:
    history = History((closed(acked(A), no(COMPACT)),), Recoveries(shows(A)))
    lost = Violation(Invariant.LOST_PUT, "boot 2", "it is gone")
    wrong = replace(RIGHT, verdict=Verdict.FAIL, violations=(lost,))
    found = with_refusals(ASKED, wrong, history).violations
    assert [each.invariant for each in found] == [Invariant.LOST_PUT, Invariant.NOT_APPENDABLE]


def test_a_refusal_is_no_violation_of_a_rule_that_was_not_asked_for() -> None:
    history = History((closed(acked(A), no(COMPACT)),), Recoveries(shows(A)))
    asked = replace(ASKED, invariants=frozenset({Invariant.LOST_PUT}))
    assert with_refusals(asked, RIGHT, history) == RIGHT
    accepted = History((closed(acked(A), COMPACT),), Recoveries(shows(A)))
    assert with_refusals(ASKED, RIGHT, accepted) == RIGHT


def test_a_call_that_was_not_asked_for_is_no_refusal() -> None:
    skipped = replace(acked(B), outcome=Outcome.NOT_ASKED)
    assert refusal(closed(acked(A), skipped), continued=(skipped,)) == ""
