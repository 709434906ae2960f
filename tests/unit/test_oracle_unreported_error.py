"""`unreported-error`: what is right after an injected error, and what is told with it."""

from dataclasses import replace

from oracle_builder import OPEN, acked, closed, killed, put, refused, shows, verdict_on

from walcrash.values.event import EventKind
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome
from walcrash.values.io_error import IoError
from walcrash.values.operation import OperationKind
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.verdict import Invariant, Verdict

A, B, C = put("a", 0), put("b", 1), put("c", 2)


def struck(boot: BootHistory, *, call: int, number: int = 1, errno: int = 5) -> BootHistory:
    error = IoError(
        boot=number,
        call=call,
        kind=EventKind.FSYNC,
        path="wal.log",
        nth=2,
        errno=errno,
        operation=OperationKind.APPEND,
    )
    return replace(boot, errors=(error,))


def test_what_is_refused_after_an_error_is_right_in_a_later_boot_too() -> None:
    first = closed(acked(A))
    later = closed(refused(B), refused(C), recovery=shows(A))
    assert verdict_on(first, later, first=shows(A)).verdict is Verdict.FAIL
    judged = verdict_on(first, struck(later, call=1, number=2), first=shows(A))
    assert judged.verdict is Verdict.PASS
    assert Invariant.UNREPORTED_ERROR in judged.judged


def test_a_refusal_before_the_error_is_none_of_its_doing() -> None:
    later = struck(closed(refused(B), refused(C), recovery=shows(A)), call=2, number=2)
    judged = verdict_on(closed(acked(A)), later, first=shows(A))
    assert [each.invariant for each in judged.violations] == [Invariant.NOT_APPENDABLE]


def test_an_acknowledged_record_that_is_gone_is_told_with_the_error() -> None:
    judged = verdict_on(struck(killed(acked(A), acked(B)), call=2), first=shows(A))
    (found,) = judged.violations
    assert found.invariant is Invariant.UNREPORTED_ERROR
    assert "an acknowledged record is gone" in found.message
    assert found.message.endswith(
        "(lost-put); before that, the 2nd fsync of wal.log failed with EIO (boot 1, call 2: append)"
    )


def test_of_several_errors_the_last_one_before_what_is_broken_is_told() -> None:
    first = struck(killed(acked(A)), call=1)
    second = struck(killed(acked(B), recovery=shows(A)), call=1, number=2)
    (found,) = verdict_on(first, second, first=shows(A)).violations
    assert found.message.endswith(
        "before that, the 2nd fsync of wal.log failed with EIO (boot 2, call 1: append)"
    )


def test_what_showed_before_the_error_keeps_its_own_rule() -> None:
    second = struck(killed(acked(C), recovery=shows(B)), call=1, number=2)
    judged = verdict_on(killed(acked(A), acked(B)), second, first=shows(B))
    assert [each.invariant for each in judged.violations] == [Invariant.LOST_PUT]


def test_without_the_rule_what_is_broken_keeps_its_own_name() -> None:
    judged = verdict_on(
        struck(killed(acked(A)), call=1),
        first=shows(),
        invariants=frozenset({Invariant.LOST_PUT}),
    )
    (found,) = judged.violations
    assert found.invariant is Invariant.LOST_PUT
    assert "; before that, the 2nd fsync of wal.log failed with EIO" in found.message


def test_a_refused_record_may_be_there_or_not_and_one_refused_for_certain_may_not() -> None:
    for shown in (shows(A), shows(A, B)):
        boot = struck(killed(acked(A), refused(B)), call=2)
        assert verdict_on(boot, first=shown).verdict is Verdict.PASS
    definite = struck(killed(acked(A), refused(B, Outcome.REFUSED_DEFINITE)), call=2)
    (found,) = verdict_on(definite, first=shows(A, B)).violations
    assert found.invariant is Invariant.UNREPORTED_ERROR
    assert "(phantom-record)" in found.message


def test_an_open_that_is_refused_for_an_error_is_right_and_the_next_one_is_judged() -> None:
    refusal = RecoveryFailure(FailureKind.REFUSED, "EIO")
    refused_open = BootHistory((replace(OPEN, outcome=Outcome.REFUSED),), refusal, BootEnd.DIED)
    boots = (killed(acked(A)), struck(refused_open, call=0, number=2))
    assert boots[1].gave_up
    assert verdict_on(*boots, first=shows(A)).verdict is Verdict.PASS
    assert verdict_on(*boots, first=shows()).verdict is Verdict.FAIL
    unstruck = (boots[0], refused_open)
    (found,) = verdict_on(*unstruck, first=refusal).violations
    assert found.invariant is Invariant.UNRECOVERABLE


def test_an_open_that_hangs_after_an_error_or_shows_what_is_no_record_is_wrong() -> None:
    for kind in (FailureKind.HUNG, FailureKind.MALFORMED, FailureKind.OVER_MEMORY):
        failure = RecoveryFailure(kind, "?")
        boot = struck(BootHistory((OPEN,), failure, BootEnd.DIED), call=0)
        assert not boot.gave_up
        (found,) = verdict_on(boot, first=failure).violations
        assert found.invariant is Invariant.UNREPORTED_ERROR


def test_to_end_the_process_after_an_error_is_right_and_to_hang_is_not() -> None:
    last: Call = replace(acked(B), outcome=Outcome.UNANSWERED, offset=None)
    died = BootHistory((OPEN, acked(A), last), shows(), BootEnd.DIED)
    assert verdict_on(died, first=shows(A)).verdict is Verdict.FAIL
    assert verdict_on(struck(died, call=2), first=shows(A)).verdict is Verdict.PASS
    stuck = replace(struck(died, call=2), is_stuck=True)
    (found,) = verdict_on(stuck, first=shows(A)).violations
    assert found.invariant is Invariant.UNREPORTED_ERROR
    assert found.message.startswith("`append` never came to an end")


def test_what_an_open_that_said_no_left_half_made_is_a_recovery_that_fails() -> None:
    no_log = RecoveryFailure(FailureKind.REFUSED, "no such log")
    refused_open = BootHistory((replace(OPEN, outcome=Outcome.REFUSED),), no_log, BootEnd.KILLED)
    opening = struck(refused_open, call=0)
    (found,) = verdict_on(opening, first=no_log).violations
    assert found.invariant is Invariant.UNRECOVERABLE
    assert "; before that, the 2nd fsync of wal.log failed with EIO (boot 1" in found.message
    (found,) = verdict_on(closed(acked(A)), opening, first=no_log).violations
    assert found.invariant is Invariant.UNREPORTED_ERROR, "a record had been acknowledged"
    silent = struck(killed(), call=0)
    (found,) = verdict_on(silent, first=no_log).violations
    assert found.invariant is Invariant.UNREPORTED_ERROR, "this open did not say that it failed"
