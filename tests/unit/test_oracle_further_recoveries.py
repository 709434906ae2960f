"""Failed recoveries, second looks at an image, work after a recovery, and what is not judged."""

from dataclasses import replace

import pytest
from oracle_builder import (
    CLOSE,
    NOTHING,
    OPEN,
    REFUSAL,
    accused,
    acked,
    done,
    items,
    killed,
    put,
    refused,
    replay,
    shows,
    tick,
    unanswered,
    verdict_on,
)

from walcrash.values.contract import Contract, Promise
from walcrash.values.history import BootEnd, BootHistory, Outcome
from walcrash.values.recovery import (
    FailureKind,
    OperationState,
    OperationStatus,
    RecoveredRecord,
    RecoveryFailure,
    Resume,
)
from walcrash.values.verdict import Invariant, Verdict

A, B = put("a", 0), put("b", 1)
DONE_A = done("a", 2)
PROBE = put("probe", 9)
BOOT = killed(acked(A), acked(B))
RIGHT = shows(A, B)
NO_PROMISE = Contract(kill=Promise.NONE)
WAITING = OperationStatus.PENDING


@pytest.mark.parametrize("kind", list(FailureKind))
def test_a_recovery_that_failed_is_accused_once_and_says_how(kind):
    failure = RecoveryFailure(kind, "the last word")
    judgement = verdict_on(BOOT, first=failure, again=failure, perturbed=failure)
    (violation,) = judgement.violations
    assert violation.invariant is Invariant.UNRECOVERABLE
    assert violation.message == f"recovery failed ({kind.value}): 'the last word'"
    assert (Invariant.LOST_PUT, "a recovery failed before it could be judged") in judgement.unjudged


def test_a_boot_that_could_not_recover_ends_the_judging():
    second = BootHistory((OPEN,), REFUSAL, BootEnd.CLOSED)
    judgement = verdict_on(BOOT, second, first=NOTHING)
    assert [(item.invariant, item.where) for item in judgement.violations] == [
        (Invariant.UNRECOVERABLE, "boot 2")
    ]


def test_a_failed_recovery_is_right_where_nothing_was_promised():
    judgement = verdict_on(BOOT, first=REFUSAL, contract=NO_PROMISE)
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_a_subject_that_died_inside_open_could_not_recover():
    assert accused(BootHistory((OPEN,), None, BootEnd.DIED), first=NOTHING) == ["unrecoverable"]


def test_a_subject_that_died_by_itself_in_a_call_is_accused():
    for number in (1, 2):
        recovery = NOTHING if number == 1 else RIGHT
        dying = BootHistory((OPEN, unanswered(put("c", 3))), recovery, BootEnd.DIED)
        boots = [dying] if number == 1 else [BOOT, dying]
        judgement = verdict_on(*boots, first=recovery)
        (violation,) = judgement.violations
        assert violation.invariant is Invariant.NOT_APPENDABLE
        assert violation.where == f"boot {number}, call 1"


def test_the_same_recovery_elsewhere_and_again_is_right():
    assert accused(BOOT, first=RIGHT, perturbed=RIGHT, again=RIGHT, uninterrupted=RIGHT) == []


@pytest.mark.parametrize(
    "other",
    [
        shows(A),
        shows(A, B, end=300),
        shows(A, B, checkpoint=0),
        shows(A, B, applied=100),
        shows(A, B, operations={}),
        replace(RIGHT, state=None),
        replace(RIGHT, records=(RecoveredRecord(0, A), RecoveredRecord(50, B))),
        shows(replace(A, payload=b"?"), B),
        shows(A, B, resumes=(Resume(0, ()),)),
    ],
)
def test_a_recovery_elsewhere_that_differs_in_anything_is_not_deterministic(other):
    assert accused(BOOT, first=RIGHT, perturbed=other) == ["determinism"]


@pytest.mark.parametrize("look", ["again", "uninterrupted"])
def test_a_second_recovery_shows_the_same_log_and_operations(look):
    pending = OperationState(OperationStatus.PENDING)
    in_flight = OperationState(OperationStatus.IN_FLIGHT)
    operations = {"a": in_flight, "b": pending}
    moved_on = shows(A, B, checkpoint=0, applied=100, operations=operations)
    assert accused(BOOT, first=RIGHT, **{look: moved_on}) == []
    vanished = shows(A, B, operations={"a": pending})
    for other in (shows(A), shows(A, B, end=900), vanished):
        assert accused(BOOT, first=RIGHT, **{look: other}) == ["idempotence"]


def test_a_further_recovery_that_failed_is_unrecoverable_or_what_was_asked_for():
    assert accused(BOOT, first=RIGHT, perturbed=REFUSAL) == ["unrecoverable"]
    assert accused(BOOT, first=RIGHT, again=REFUSAL) == ["unrecoverable"]
    only = frozenset({Invariant.DETERMINISM})
    assert accused(BOOT, first=RIGHT, perturbed=REFUSAL, invariants=only) == ["determinism"]


def test_replays_from_the_middle_are_compared_too():
    one = replace(RIGHT, resumes=(Resume(100, items(B)), Resume(200, ())))
    other = replace(RIGHT, resumes=(Resume(100, items(B)), Resume(0, items(A, B))))
    judgement = verdict_on(BOOT, first=one, perturbed=other)
    assert judgement.worst.message == (
        "a replay is from 200: nothing in the first recovery and from 0: a, b in other surroundings"
    )


def test_the_difference_is_named():
    violation = verdict_on(BOOT, first=RIGHT, perturbed=shows(A)).worst
    assert violation.message == (
        "record 2 is `PutOperation b` at 100 in the first recovery and missing in other "
        "surroundings"
    )


def test_a_refused_append_is_accused_after_a_recovery_only():
    refusal = refused(put("c", 3))
    assert accused(killed(refusal), first=NOTHING) == []
    assert accused(BOOT, killed(refusal, recovery=RIGHT), first=RIGHT) == ["not-appendable"]
    assert accused(BOOT, first=RIGHT, continued=(refusal,)) == ["not-appendable"]


def no(record):
    """Return an append that was refused for certain."""
    return refused(record, Outcome.REFUSED_DEFINITE)


def test_a_refusal_for_certain_is_the_subjects_own_limit_where_others_are_accepted():
    large = put("c", 3, b"x" * 9000)
    assert (
        accused(
            BOOT,
            killed(no(large), acked(put("d", 4)), recovery=RIGHT),
            first=shows(A, B, put("d", 4)),
        )
        == []
    )
    small, other = put("c", 3, b""), put("d", 4)
    after = shows(A, B, other)
    looks = {"again": RIGHT, "continued": (no(small), acked(other), CLOSE), "after": after}
    assert accused(BOOT, first=RIGHT, **looks) == []


def test_a_boot_may_refuse_all_that_it_gets_where_nothing_like_it_was_accepted_before():
    large = put("c", 3, b"x" * 9000)
    assert accused(BOOT, killed(no(large), no(done("x", 4)), recovery=RIGHT), first=RIGHT) == []


def test_a_boot_that_refuses_all_is_accused_where_a_put_of_that_size_was_accepted_before():
    refusals = (no(put("c", 3)), no(done("x", 4)))
    assert accused(BOOT, killed(*refusals, recovery=RIGHT), first=RIGHT) == ["not-appendable"]


def test_a_subject_that_takes_none_of_the_records_after_a_recovery_is_accused():
    looks = {"again": RIGHT, "continued": (no(put("c", 3, b"")), no(put("d", 4)), CLOSE)}
    assert accused(BOOT, first=RIGHT, **looks, after=RIGHT) == ["not-appendable"]


WORK = (acked(PROBE), tick("a", "b", "probe"), CLOSE)


def test_new_records_after_a_recovery_survive_with_all_that_came_before():
    after = shows(A, B, PROBE)
    assert accused(BOOT, first=RIGHT, again=RIGHT, continued=WORK, after=after) == []


@pytest.mark.parametrize(
    "after",
    [
        shows(A, B),
        shows(B, PROBE),
        shows(A, B, replace(PROBE, payload=b"")),
        shows(A, B, put("x", 5), PROBE),
        replace(shows(A, B, PROBE), records=shows(A, PROBE, B).records),
        REFUSAL,
    ],
)
def test_new_records_that_do_not_survive_are_not_appendable(after):
    looks = {"again": RIGHT, "continued": WORK, "after": after}
    assert accused(BOOT, first=RIGHT, **looks) == ["not-appendable"]


def test_a_replay_among_the_new_records_shows_them_too():
    right, wrong = replay(A, B, PROBE), replay(A, B)
    after = shows(A, B, PROBE)
    looks = {"continued": (acked(PROBE), right, tick("a", "b", "probe"), CLOSE), "after": after}
    assert accused(BOOT, first=RIGHT, **looks) == []
    looks["continued"] = (acked(PROBE), wrong, tick("a", "b", "probe"), CLOSE)
    assert accused(BOOT, first=RIGHT, **looks) == ["not-appendable"]


def test_a_tick_that_fails_after_recovery_is_quoted():
    failing = replace(tick(), outcome=Outcome.REFUSED, error="no such table")
    judgement = verdict_on(BOOT, first=RIGHT, continued=(failing,))
    assert [item.invariant for item in judgement.violations] == [Invariant.REQUEUE]
    assert judgement.worst.message.endswith("a tick failed: 'no such table'")


def test_without_a_clean_close_new_records_are_held_against_the_promise_for_a_kill():
    looks = {"continued": (acked(PROBE),), "after": RIGHT}
    prefix = Contract(kill=Promise.PREFIX)
    none = Contract(power=Promise.ALL, kill=Promise.NONE)
    closed_boot = replace(BOOT, end=BootEnd.CLOSED)
    assert accused(BOOT, first=RIGHT, contract=prefix, **looks) == []
    assert accused(closed_boot, first=RIGHT, contract=none, **looks) == []
    assert accused(BOOT, first=RIGHT, **looks) == ["not-appendable"]


def test_work_that_ends_by_itself_is_not_appendable():
    assert accused(BOOT, first=RIGHT, continued=(unanswered(PROBE),)) == ["not-appendable"]


def test_what_could_not_be_looked_at_is_told_with_its_reason():
    judgement = verdict_on(BOOT, first=RIGHT)
    unjudged = {item.value: reason for item, reason in judgement.unjudged}
    assert unjudged == {
        "lost-mark": "no MarkDone or MarkFailed was promised at a recovery",
        "effect-before-append": "no effect was made before a recovery",
        "repeated-effect": "no tick was made after the last recovery",
        "requeue": "no tick was made after the last recovery",
        "determinism": "no recovery in other surroundings was made",
        "idempotence": "no recovery of what a recovery left was made",
        "not-appendable": "nothing was called after a recovery",
        "unreported-error": "no I/O error was injected",
        "silent-rot": "nothing was damaged at rest",
    }
    assert not judgement.judged & {item for item, _ in judgement.unjudged}


def test_a_kill_before_anything_was_promised_has_only_what_a_fresh_store_shows_judged():
    """A store whose offsets begin at 1 has a checkpoint of 1 then, and has applied nothing."""
    fresh = shows(checkpoint=1, applied=1)
    judgement = verdict_on(killed(unanswered(A)), first=replace(fresh, end=1))
    assert judgement.verdict is Verdict.PASS
    assert judgement.judged == {Invariant.UNRECOVERABLE, Invariant.PHANTOM_RECORD}
    reasons = {item.value: reason for item, reason in judgement.unjudged}
    assert reasons["lost-put"] == "no PutOperation was promised at a recovery"
    assert reasons["order"] == "no recovery showed a record"
    assert reasons["checkpoint-state"] == "nothing was applied before a recovery"
    only = frozenset({Invariant.LOST_PUT})
    assert verdict_on(killed(), first=shows(), invariants=only).verdict is Verdict.PASS


def test_only_what_was_asked_for_is_reported():
    only = frozenset({Invariant.ORDER})
    judgement = verdict_on(BOOT, first=shows(A), invariants=only)
    assert (judgement.verdict, judgement.violations) == (Verdict.PASS, ())
    assert judgement.judged == only
    nothing = verdict_on(BOOT, first=shows(A), invariants=frozenset({Invariant.SILENT_ROT}))
    assert nothing.verdict is Verdict.INCONCLUSIVE


def test_an_earlier_cause_comes_before_a_later_symptom():
    altered = replace(A, payload=b"?")
    boots = [BOOT, killed(recovery=shows(altered, B))]
    assert accused(*boots, first=shows(altered)) == ["altered-record", "lost-put"]


def test_an_append_that_sends_its_own_operation_is_not_accused_where_nothing_crashed():
    sending = replace(acked(PROBE), effects=("probe",))
    looks = {"continued": (sending, tick("a", "b"), CLOSE), "after": shows(A, B, PROBE)}
    assert accused(BOOT, first=RIGHT, **looks) == []


def test_states_that_differ_only_in_their_retry_time_are_told_apart_in_words():
    states = [
        {"a": OperationState(OperationStatus.PENDING, "", retry), "b": OperationState(WAITING)}
        for retry in (0, 17)
    ]
    first, perturbed = (shows(A, B, operations=state) for state in states)
    (violation,) = verdict_on(BOOT, first=first, perturbed=perturbed).violations
    assert violation.invariant is Invariant.DETERMINISM
    assert "pending in the first recovery and pending, retry at 17 in" in violation.message
