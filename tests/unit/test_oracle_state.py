"""Checkpoints, states, effects and ticks: what a recovery says beyond its records."""

from dataclasses import replace

import pytest
from oracle_builder import (
    COMPACT,
    FAR_FUTURE_MS,
    NOTHING,
    SUPPORTS,
    SYNC,
    accused,
    acked,
    closed,
    done,
    failed,
    items,
    killed,
    put,
    shows,
    tick,
    unanswered,
    verdict_on,
)

from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.history import Call, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.recovery import OperationState, OperationStatus, Resume
from walcrash.values.verdict import Invariant

A, B = put("a", 0), put("b", 1)
DONE_A, FAILED_B = done("a", 2), failed("b", 3)
BOOT = killed(acked(A), acked(B), acked(DONE_A), acked(FAILED_B))
LOG = (A, B, DONE_A, FAILED_B)
PENDING = OperationState(OperationStatus.PENDING)
IN_FLIGHT = OperationState(OperationStatus.IN_FLIGHT)
DONE = OperationState(OperationStatus.DONE)
FAILED = OperationState(OperationStatus.FAILED, "no route", 5000)
BY_SYNC = Contract(acknowledges=Acknowledges.SYNC, max_attempts=3)
PREFIX = Contract(kill=Promise.PREFIX, max_attempts=3)


def with_state(**operations: OperationState):
    return shows(*LOG, operations=operations)


@pytest.mark.parametrize("checkpoint", [0, 100, 300, 400])
def test_a_checkpoint_on_a_boundary_up_to_the_applied_state_is_right(checkpoint):
    assert accused(BOOT, first=shows(*LOG, checkpoint=checkpoint)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        shows(*LOG, checkpoint=400, applied=300),
        shows(*LOG, checkpoint=500, applied=500),
        shows(*LOG, checkpoint=0, applied=500),
        shows(*LOG, checkpoint=150),
        shows(*LOG, checkpoint=-1),
    ],
)
def test_a_checkpoint_ahead_or_between_records_is_accused(wrong):
    assert accused(BOOT, first=wrong) == ["checkpoint-ahead"]


def test_a_checkpoint_beyond_a_prefix_that_was_left_is_ahead():
    wrong = shows(A, checkpoint=300, applied=300)
    assert accused(BOOT, first=wrong, contract=PREFIX) == ["checkpoint-ahead"]


def test_after_compaction_a_checkpoint_may_lie_where_a_record_was():
    boot = killed(*BOOT.calls[1:], COMPACT)
    assert accused(boot, first=shows(B, FAILED_B, checkpoint=200)) == []
    assert accused(boot, first=shows(B, FAILED_B, checkpoint=50)) == []
    assert accused(boot, first=shows(B, FAILED_B, checkpoint=250)) == ["checkpoint-ahead"]


def test_a_state_that_equals_the_fold_is_right():
    assert accused(BOOT, first=with_state(a=DONE, b=FAILED)) == []


def test_an_operation_in_flight_was_pending_or_failed():
    assert accused(BOOT, first=with_state(a=DONE, b=IN_FLIGHT)) == []
    assert accused(killed(acked(A)), first=shows(A, operations={"a": IN_FLIGHT})) == []
    assert accused(BOOT, first=with_state(a=IN_FLIGHT, b=FAILED)) == ["checkpoint-state"]


@pytest.mark.parametrize(
    "wrong",
    [
        PENDING,
        DONE,
        replace(FAILED, error="other"),
        replace(FAILED, next_retry_at_ms=1),
        replace(FAILED, status=OperationStatus.PERMANENT_FAILED),
    ],
)
def test_a_state_that_differs_from_the_fold_is_accused(wrong):
    assert accused(BOOT, first=with_state(a=DONE, b=wrong)) == ["checkpoint-state"]


def test_failed_is_permanent_at_the_last_attempt_or_where_nobody_knows():
    permanent = OperationState(OperationStatus.PERMANENT_FAILED, "no route")
    for max_attempts in (1, None):
        contract = Contract(max_attempts=max_attempts)
        shown = with_state(a=DONE, b=permanent)
        assert accused(BOOT, first=shown, contract=contract) == []
    assert accused(BOOT, first=with_state(a=DONE, b=FAILED), contract=Contract(max_attempts=1)) == [
        "checkpoint-state"
    ]


def test_a_failed_operation_that_was_sent_again_may_be_pending():
    sent = killed(*BOOT.calls[1:], tick("b"))
    assert accused(sent, first=with_state(a=DONE, b=PENDING)) == []
    interrupted = replace(tick(), outcome=Outcome.UNANSWERED)
    sending = killed(*BOOT.calls[1:], interrupted)
    assert accused(sending, first=with_state(a=DONE, b=PENDING)) == []


def test_an_operation_that_vanished_from_the_state_is_not_requeued():
    assert accused(BOOT, first=with_state(a=DONE)) == ["requeue"]
    only_state = frozenset({Invariant.CHECKPOINT_STATE})
    assert accused(BOOT, first=with_state(a=DONE), invariants=only_state) == ["checkpoint-state"]


def test_a_done_operation_may_leave_the_state_only_by_compaction():
    assert accused(BOOT, first=with_state(b=FAILED)) == ["checkpoint-state"]
    assert accused(killed(*BOOT.calls[1:], COMPACT), first=with_state(b=FAILED)) == []


def test_an_operation_in_the_state_needs_its_put_in_the_log():
    extra = {"a": DONE, "b": FAILED, "x": PENDING}
    assert accused(BOOT, first=shows(*LOG, operations=extra)) == ["checkpoint-state"]
    compacted = killed(*BOOT.calls[1:], COMPACT)
    still_listed = shows(B, FAILED_B, operations={"a": DONE, "b": FAILED})
    assert accused(compacted, first=still_listed) == []
    alive = shows(B, FAILED_B, operations={"a": PENDING, "b": FAILED})
    assert accused(compacted, first=alive) == ["checkpoint-state"]


def test_the_state_is_not_asked_where_the_records_are_wrong():
    wrong = shows(A, B, DONE_A, operations={"x": PENDING})
    assert accused(BOOT, first=wrong) == ["lost-mark"]


def test_a_replay_from_the_middle_equals_the_end_of_the_replay_from_0():
    right = (Resume(200, items(DONE_A, FAILED_B)), Resume(400, ()))
    assert accused(BOOT, first=shows(*LOG, resumes=right)) == []
    wrong = (Resume(200, items(FAILED_B)),)
    assert accused(BOOT, first=shows(*LOG, resumes=wrong)) == ["order"]
    from_checkpoint = shows(*LOG, checkpoint=200, resumes=wrong)
    assert accused(BOOT, first=from_checkpoint) == ["checkpoint-state"]


def test_without_the_capability_checkpoint_the_state_is_not_judged():
    judgement = verdict_on(
        BOOT, first=shows(*LOG, checkpoint=999), supports=SUPPORTS - {"checkpoint"}
    )
    assert judgement.violations == ()
    reason = (Invariant.CHECKPOINT_AHEAD, "the subject lacks `checkpoint`")
    assert reason in judgement.unjudged


def test_an_effect_whose_put_survived_is_right_even_if_its_append_was_not_answered():
    assert accused(killed(acked(A), tick("a")), first=shows(A)) == []
    sent_inside = replace(unanswered(A), effects=("a",))
    assert accused(killed(sent_inside), first=shows(A)) == []


def test_an_effect_whose_put_is_gone_came_before_the_append():
    sent_inside = replace(unanswered(A), effects=("a",))
    assert accused(killed(sent_inside), first=NOTHING) == ["effect-before-append"]
    unsynced = killed(acked(A), tick("a"))
    assert accused(unsynced, first=NOTHING, contract=BY_SYNC) == ["effect-before-append"]
    assert accused(unsynced, first=NOTHING, contract=PREFIX) == ["effect-before-append"]
    assert accused(unsynced, first=NOTHING) == ["lost-put", "effect-before-append"]


def test_an_effect_of_an_operation_that_compaction_dropped_is_right():
    boot = killed(acked(A), tick("a"), acked(DONE_A), COMPACT)
    assert accused(boot, first=NOTHING) == []


def test_an_effect_before_a_clean_close_needs_its_put_too():
    assert accused(closed(tick("a")), first=NOTHING) == ["effect-before-append"]


def test_an_effect_after_an_acknowledged_done_is_repeated():
    assert accused(killed(acked(A), tick("a"), acked(DONE_A)), first=shows(A, DONE_A)) == []
    again = killed(acked(A), acked(DONE_A), tick("a"))
    assert accused(again, first=shows(A, DONE_A)) == ["repeated-effect"]


def test_an_effect_after_a_done_that_was_not_answered_is_right_unless_recovery_showed_it():
    first_boot = killed(acked(A), unanswered(DONE_A))
    assert accused(first_boot, killed(tick("a"), recovery=shows(A)), first=shows(A)) == []
    second = killed(tick("a"), recovery=shows(A, DONE_A))
    assert accused(first_boot, second, first=shows(A, DONE_A)) == ["repeated-effect"]


def test_a_done_counts_from_the_sync_where_the_contract_says_so():
    log = shows(A, DONE_A)
    early = killed(acked(A), acked(DONE_A), tick("a"))
    assert accused(early, first=log, contract=BY_SYNC) == []
    late = killed(acked(A), acked(DONE_A), SYNC, tick("a"))
    assert accused(late, first=log, contract=BY_SYNC) == ["repeated-effect"]


def test_a_done_that_a_prefix_contract_lost_may_be_sent_again():
    boots = [killed(acked(A), acked(DONE_A)), killed(tick("a"), recovery=shows(A))]
    assert accused(*boots, first=shows(A), contract=PREFIX) == []
    judgement = verdict_on(*boots, first=shows(A))
    assert [item.invariant for item in judgement.violations] == [
        Invariant.LOST_MARK,
        Invariant.REPEATED_EFFECT,
    ]


def test_a_done_operation_that_was_compacted_away_is_not_sent_again():
    boots = [
        killed(acked(A), acked(DONE_A), COMPACT),
        killed(tick("a"), recovery=NOTHING),
    ]
    assert accused(*boots, first=NOTHING) == ["repeated-effect"]


def test_what_is_not_done_is_sent_by_the_ticks_after_recovery():
    recovery = shows(*LOG)
    assert accused(BOOT, first=recovery, continued=(tick("b"),)) == []
    assert accused(BOOT, first=recovery, continued=(tick(), tick("b"))) == []
    assert accused(BOOT, first=recovery, continued=(tick(), tick())) == ["requeue"]


def test_what_has_no_retry_or_failed_for_good_need_not_be_sent():
    log = (A, failed("a", 2, retry=0))
    boot = killed(*(acked(record) for record in log))
    assert accused(boot, first=shows(*log), continued=(tick(),)) == []
    unknown = Contract(max_attempts=None)
    assert accused(BOOT, first=shows(*LOG), continued=(tick(),), contract=unknown) == []
    last = Contract(max_attempts=1)
    shown = shows(*LOG, max_attempts=1)
    assert accused(BOOT, first=shown, continued=(tick(),), contract=last) == []


def test_a_retry_after_the_last_tick_is_not_due():
    log = (A, failed("a", 2, retry=FAR_FUTURE_MS + 1))
    boot = killed(*(acked(record) for record in log))
    assert accused(boot, first=shows(*log), continued=(tick(),)) == []


def test_ticks_after_recovery_send_nothing_that_is_done_or_unknown():
    recovery = shows(*LOG)
    assert accused(BOOT, first=recovery, continued=(tick("b", "a"),)) == ["repeated-effect"]
    assert accused(BOOT, first=recovery, continued=(tick("b", "x"),)) == ["effect-before-append"]


def test_without_the_capability_effects_nothing_is_said_of_them():
    judgement = verdict_on(
        BOOT, first=shows(*LOG), continued=(tick("x"),), supports=SUPPORTS - {"effects"}
    )
    assert judgement.violations == ()
    assert (Invariant.REQUEUE, "the subject lacks `effects`") in judgement.unjudged
    assert (Invariant.REPEATED_EFFECT, "the subject lacks `effects`") in judgement.unjudged


def test_a_mark_that_was_not_asked_for_leaves_nothing_behind_and_nothing_is_missed():
    """Recovery shows neither the mark nor an operation of its own for it, and need not."""
    skipped = replace(acked(done("lost", 2)), outcome=Outcome.NOT_ASKED)
    boot = killed(acked(A), skipped, acked(B))
    assert accused(boot, first=shows(A, B, operations={"a": PENDING, "b": PENDING})) == []
    kept = shows(A, B, operations={"a": PENDING, "b": PENDING, "lost": DONE})
    assert accused(boot, first=kept) == ["checkpoint-state"]


def test_what_the_workload_did_not_do_is_not_judged() -> None:
    nothing_applied = shows(*LOG, checkpoint=0, applied=0)
    unjudged = {item.value for item, _ in verdict_on(BOOT, first=nothing_applied).unjudged}
    assert {"checkpoint-ahead", "checkpoint-state", "effect-before-append"} <= unjudged
    applied = Call(Operation(OperationKind.APPLY), Outcome.ACKNOWLEDGED, checkpoint=0)
    busy = killed(acked(A), tick("a"), applied, acked(B), acked(DONE_A), acked(FAILED_B))
    judged = {item.value for item in verdict_on(busy, first=nothing_applied).judged}
    assert {"checkpoint-ahead", "checkpoint-state", "effect-before-append"} <= judged
