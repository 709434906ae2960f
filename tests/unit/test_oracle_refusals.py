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

from walcrash.oracle import refusal_without_fault
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries

A, B = put("a", 0), put("b", 1)


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
