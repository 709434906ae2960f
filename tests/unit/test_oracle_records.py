"""Which records may and must be there after which boots."""

from dataclasses import replace

import pytest
from oracle_builder import (
    CLOSE,
    COMPACT,
    NOTHING,
    SYNC,
    accused,
    acked,
    closed,
    done,
    failed,
    items,
    killed,
    power_lost,
    put,
    refused,
    replay,
    shows,
    unanswered,
    verdict_on,
)

from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.recovery import RecoveredRecord
from walcrash.values.verdict import Invariant, Verdict

A, B, C = put("a", 0), put("b", 1), put("c", 2)
DONE_A = done("a", 3)
C4 = put("c", 4)
BY_SYNC = Contract(acknowledges=Acknowledges.SYNC, max_attempts=3)
PREFIX = Contract(kill=Promise.PREFIX, max_attempts=3)
NO_PROMISE = Contract(kill=Promise.NONE, max_attempts=3)


def test_all_acknowledged_records_are_right():
    judgement = verdict_on(killed(acked(A), acked(B), acked(DONE_A)), first=shows(A, B, DONE_A))
    assert judgement.verdict is Verdict.PASS
    assert Invariant.LOST_PUT in judgement.judged


@pytest.mark.parametrize("call", [unanswered(B), refused(B)])
@pytest.mark.parametrize("shown", [(A,), (A, B)])
def test_an_append_that_was_not_acknowledged_may_be_there_or_not(call, shown):
    assert accused(killed(acked(A), call), first=shows(*shown)) == []


def test_a_refused_append_is_no_hole():
    boot = killed(acked(A), refused(B), acked(C))
    assert accused(boot, first=shows(A, C)) == []


def test_a_definitely_refused_append_that_is_there_is_a_phantom():
    boot = killed(acked(A), refused(B, Outcome.REFUSED_DEFINITE))
    assert accused(boot, first=shows(A)) == []
    assert accused(boot, first=shows(A, B)) == ["phantom-record"]


def test_a_missing_acknowledged_put_is_lost_and_the_message_names_it():
    judgement = verdict_on(killed(acked(A), acked(B)), first=shows(A))
    (violation,) = judgement.violations
    assert violation.invariant is Invariant.LOST_PUT
    assert violation.where == "first recovery"
    assert violation.message == (
        "an acknowledged record is gone: `PutOperation b` was acknowledged, recovery shows a only"
    )
    assert (violation.allowed, violation.found) == ("a, b", "a")


@pytest.mark.parametrize("mark", [DONE_A, failed("a", 3)])
def test_a_missing_acknowledged_mark_is_lost(mark):
    assert accused(killed(acked(A), acked(mark)), first=shows(A)) == ["lost-mark"]


@pytest.mark.parametrize(
    ("altered", "field"),
    [
        (replace(A, payload=b"payloXd"), "payload"),
        (replace(A, payload=b""), "payload"),
        (replace(A, id="b"), "id"),
        (replace(A, ts_ms=77), "ts_ms"),
        (replace(A, error="?"), "error"),
        (replace(A, next_retry_at_ms=1), "next_retry_at_ms"),
        (replace(A, type=DONE_A.type), "type"),
    ],
)
def test_a_record_that_differs_in_one_field_is_altered_and_the_field_is_named(altered, field):
    recovery = replace(shows(), records=(RecoveredRecord(0, altered),), end=100)
    judgement = verdict_on(killed(acked(A)), first=recovery)
    assert [item.invariant for item in judgement.violations] == [Invariant.ALTERED_RECORD]
    assert f"another `{field}`" in judgement.worst.message


def test_the_message_on_an_altered_payload_says_where_it_differs():
    recovery = shows(replace(A, payload=b"payloXd"))
    violation = verdict_on(killed(acked(A)), first=recovery).worst
    assert violation.allowed == "61 64 at byte 5 of 7"
    assert violation.found == "58 64 at byte 5 of 7"


def test_an_unanswered_record_that_is_there_in_part_is_altered():
    boot = killed(acked(A), unanswered(B))
    assert accused(boot, first=shows(A, replace(B, payload=b"pay"))) == ["altered-record"]


def test_a_record_that_nobody_appended_is_a_phantom():
    assert accused(killed(acked(A)), first=shows(A, put("x", 9))) == ["phantom-record"]
    assert accused(killed(), first=shows(A)) == ["phantom-record"]


def test_a_record_on_the_first_boot_of_an_empty_directory_is_a_phantom():
    judgement = verdict_on(killed(recovery=shows(A)), first=shows(A))
    assert judgement.worst.invariant is Invariant.PHANTOM_RECORD
    assert judgement.worst.where == "boot 1"


def test_two_records_that_changed_places_break_the_order():
    recovery = shows(A, B)
    swapped = (RecoveredRecord(0, B), RecoveredRecord(100, A))
    boot = killed(acked(A), acked(B))
    assert accused(boot, first=replace(recovery, records=swapped)) == ["order"]


def test_a_record_that_is_there_twice_breaks_the_order():
    twice = (*items(A, B), RecoveredRecord(200, B))
    judgement = verdict_on(killed(acked(A), acked(B)), first=replace(shows(A, B, C), records=twice))
    assert judgement.worst.invariant is Invariant.ORDER
    assert "`PutOperation b` is there twice, as record 2 and 3" in judgement.worst.message


def test_a_record_that_was_shown_twice_is_not_lost_while_it_is_shown():
    boots = (
        killed(acked(A), acked(B)),
        killed(replay(A, B, A), recovery=shows(A, B, A)),
    )
    judgement = verdict_on(*boots, first=shows(A, B))
    assert {violation.invariant for violation in judgement.violations} == {Invariant.ORDER}
    # That it is gone later is a loss as of any other.
    assert "lost-put" in accused(*boots, first=shows(B))


def test_offsets_grow_and_stay_and_lie_before_the_end():
    boot = killed(acked(A), acked(B))
    durability = replace(shows(A, B), records=(RecoveredRecord(0, A), RecoveredRecord(0, B)))
    moved = replace(shows(A, B), records=(RecoveredRecord(0, A), RecoveredRecord(150, B)))
    assert accused(boot, first=durability) == ["order"]
    assert accused(boot, first=moved) == ["order"]
    assert accused(boot, first=shows(A, B, end=100)) == ["order"]


def test_an_append_behind_a_recovery_returns_an_offset_behind_the_last_record():
    early = replace(acked(C), offset=100)
    second = killed(early, recovery=shows(A, B))
    judgement = verdict_on(killed(acked(A), acked(B)), second, first=shows(A, B, C))
    assert judgement.worst.where == "boot 2, call 1"
    assert judgement.worst.invariant is Invariant.ORDER


def test_until_the_sync_a_record_may_be_missing_with_all_behind_it():
    boot = killed(acked(A), SYNC, acked(B), acked(C))
    for shown in ([A], [A, B], [A, B, C]):
        assert accused(boot, first=shows(*shown), contract=BY_SYNC) == []
    assert accused(boot, first=NOTHING, contract=BY_SYNC) == ["lost-put"]


def test_a_hole_before_a_record_that_is_there_breaks_the_order():
    boot = killed(acked(A), SYNC, acked(B), acked(C))
    assert accused(boot, first=shows(A, C), contract=BY_SYNC) == ["order"]
    assert accused(boot, first=shows(A, C), contract=PREFIX) == ["order"]


def test_a_prefix_may_be_anything_from_the_start():
    boot = killed(acked(A), acked(B), acked(C))
    for shown in ([], [A], [A, B], [A, B, C]):
        assert accused(boot, first=shows(*shown), contract=PREFIX) == []
    assert accused(boot, first=shows(B), contract=PREFIX) == ["order"]


def test_after_a_clean_close_everything_with_a_reply_is_there_whatever_the_contract():
    for contract in (BY_SYNC, PREFIX, NO_PROMISE):
        assert accused(closed(acked(A)), first=shows(A), contract=contract) == []
        assert accused(closed(acked(A)), first=NOTHING, contract=contract) == ["lost-put"]


def test_a_close_that_was_refused_promises_no_more_than_a_kill():
    boot = closed(acked(A))
    refusing = replace(boot, calls=(*boot.calls[:-1], replace(CLOSE, outcome=Outcome.REFUSED)))
    assert accused(refusing, first=NOTHING, contract=PREFIX) == []
    assert accused(refusing, first=NOTHING) == ["lost-put"]


def test_a_kill_behind_the_reply_of_a_close_finds_nothing_to_take():
    boot = replace(closed(acked(A)), end=BootEnd.KILLED)
    for contract in (BY_SYNC, PREFIX):
        assert accused(boot, first=shows(A), contract=contract) == []
        assert accused(boot, first=NOTHING, contract=contract) == ["lost-put"]
    lost = replace(boot, end=BootEnd.POWER_LOST)
    assert accused(lost, first=NOTHING, contract=BY_SYNC) == []


def test_with_a_prefix_contract_loss_is_not_judged_and_the_reason_says_so():
    judgement = verdict_on(killed(acked(A)), first=NOTHING, contract=PREFIX)
    reason = "the contract promises a prefix, whose holes are judged as `order`"
    assert (Invariant.LOST_PUT, reason) in judgement.unjudged


def test_where_only_a_power_loss_leaves_a_prefix_the_reason_says_so_too():
    contract = Contract(power=Promise.PREFIX)
    judgement = verdict_on(power_lost(acked(A)), first=NOTHING, contract=contract)
    reason = "the contract promises a prefix, whose holes are judged as `order`"
    assert (Invariant.LOST_PUT, reason) in judgement.unjudged
    judgement = verdict_on(killed(acked(A)), first=shows(A), contract=contract)
    assert Invariant.LOST_PUT in judgement.judged


def test_a_case_without_a_boot_is_inconclusive():
    judgement = verdict_on(first=NOTHING)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (Invariant.ORDER, "no recovery after a boot was made") in judgement.unjudged


def test_a_contract_without_a_promise_leaves_nothing_to_judge():
    judgement = verdict_on(killed(acked(A)), first=shows(B, B), contract=NO_PROMISE)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (Invariant.LOST_PUT, "the contract promises nothing after a kill") in judgement.unjudged


def test_after_a_crash_without_a_promise_the_next_boot_is_judged_by_what_it_showed():
    boots = [killed(acked(A), acked(B)), closed(acked(C), recovery=shows(A))]
    assert accused(*boots, first=shows(A, C), contract=NO_PROMISE) == []
    assert accused(*boots, first=shows(A), contract=NO_PROMISE) == ["lost-put"]


def test_what_a_recovery_showed_has_to_be_there_after_the_next_kill():
    first_boot = killed(acked(A), unanswered(B))
    assert accused(first_boot, killed(recovery=shows(A, B)), first=shows(A, B)) == []
    assert accused(first_boot, killed(recovery=shows(A, B)), first=shows(A)) == ["lost-put"]


def test_what_a_recovery_did_not_show_stays_away():
    first_boot = killed(acked(A), unanswered(B))
    judgement = verdict_on(first_boot, killed(recovery=shows(A)), first=shows(A, B))
    assert judgement.worst.invariant is Invariant.PHANTOM_RECORD
    assert "came back" in judgement.worst.message


def test_a_compaction_that_a_power_loss_undoes_brings_nothing_back_for_good():
    """A log replaced by rename: the compacted one was read, and its name was never synced."""
    power_prefix = Contract(power=Promise.PREFIX, max_attempts=3)
    compacted = closed(acked(A), acked(B), acked(DONE_A), COMPACT)
    read = power_lost(acked(C4), recovery=shows(B))
    for shown in [(B, C4), (B,), (A, B, DONE_A), (A, B), (A,), ()]:
        assert accused(compacted, read, first=shows(*shown), contract=power_prefix) == []
    puts_only = power_lost(acked(C4), recovery=shows(B, DONE_A))
    for shown in [(B, DONE_A, C4), (A, B, DONE_A), (A, B), (A,), ()]:
        assert accused(compacted, puts_only, first=shows(*shown), contract=power_prefix) == []
    assert accused(compacted, read, first=shows(B), contract=Contract(max_attempts=3)) != []
    hole = verdict_on(compacted, read, first=shows(A, B, C4), contract=power_prefix)
    assert [item.invariant for item in hole.violations] == [Invariant.ORDER]


def test_a_mark_that_is_gone_while_its_put_is_there_was_lost_and_not_compacted():
    lost = power_lost(acked(A), acked(DONE_A), COMPACT)
    shown = closed(acked(C4), recovery=shows(A))
    contract = Contract(power=Promise.PREFIX, max_attempts=3)
    assert accused(lost, shown, first=shows(A, C4), contract=contract) == []


def test_what_no_compaction_may_drop_stays_away_also_after_one():
    compacted = closed(acked(A), acked(B), acked(DONE_A), COMPACT)
    lost = power_lost(acked(C4), recovery=shows(A, DONE_A))
    judgement = verdict_on(compacted, lost, first=shows(A, B, DONE_A))
    assert "came back" in " ".join(item.message for item in judgement.violations)


def test_a_shown_record_that_was_never_promised_may_go_in_a_power_loss():
    first_boot = killed(acked(A), unanswered(B))
    second = power_lost(recovery=shows(A, B))
    assert accused(first_boot, second, first=shows(A)) == []
    synced = power_lost(SYNC, recovery=shows(A, B))
    assert accused(first_boot, synced, first=shows(A)) == ["lost-put"]


def test_a_boot_that_was_killed_before_its_recovery_changes_nothing():
    boots = [killed(acked(A), unanswered(B)), killed(recovery=None)]
    assert accused(*boots, first=shows(A)) == []
    assert accused(*boots, first=shows(A, B)) == []
    assert accused(*boots, first=NOTHING) == ["lost-put"]


def test_a_loss_in_an_earlier_boot_is_told_once_and_where_it_happened():
    boots = [killed(acked(A), acked(B)), killed(acked(C), recovery=shows(A))]
    judgement = verdict_on(*boots, first=shows(A, C))
    assert [item.where for item in judgement.violations] == ["boot 2"]


def test_compaction_may_leave_out_a_done_operation_and_nothing_else():
    boot = killed(acked(A), acked(B), acked(DONE_A), COMPACT, acked(put("d", 4)))
    assert accused(boot, first=shows(B, put("d", 4))) == []
    assert accused(boot, first=shows(A, B, DONE_A, put("d", 4))) == []
    assert accused(boot, first=shows(B, DONE_A, put("d", 4))) == []
    assert accused(boot, first=shows(A, DONE_A, put("d", 4))) == ["lost-put"]


def test_compaction_that_keeps_the_put_and_drops_the_mark_loses_the_mark():
    boot = killed(acked(A), acked(DONE_A), COMPACT)
    assert accused(boot, first=shows(A)) == ["lost-mark"]


def test_a_compaction_under_way_may_leave_out_done_operations_too():
    compacting = replace(COMPACT, outcome=Outcome.UNANSWERED)
    boot = killed(acked(A), acked(DONE_A), compacting)
    assert accused(boot, first=shows(end=400)) == []


def test_an_operation_done_after_the_compaction_stays():
    boot = killed(acked(A), COMPACT, acked(DONE_A))
    assert accused(boot, first=NOTHING)[:2] == ["lost-put", "lost-mark"]


def test_compaction_may_move_records():
    moved = replace(shows(B), records=(RecoveredRecord(0, B),), end=100)
    moved = replace(moved, state=replace(moved.state, checkpoint=0, applied=100))
    boot = killed(acked(A), acked(B), acked(DONE_A), COMPACT)
    assert accused(boot, first=moved) == []


def test_a_replay_in_a_living_subject_shows_all_that_has_replied():
    right = killed(acked(A), acked(B), replay(A, B), replay(B, start=100))
    assert accused(right, first=shows(A, B)) == []
    for wrong, invariant in (
        (replay(A), "lost-put"),
        (replay(A, B, start=100), "order"),
        (replay(start=100), "lost-put"),
    ):
        boot = killed(acked(A), acked(B), wrong)
        judgement = verdict_on(boot, first=shows(A, B))
        assert [item.invariant.value for item in judgement.violations] == [invariant]
        assert judgement.worst.where == "boot 1, call 3"


def test_what_the_recovery_of_a_boot_shows_names_the_finding_before_what_its_calls_show():
    twice = replace(shows(A, B), records=(*items(A, B), RecoveredRecord(200, B)), end=300)
    first_boot, lost = killed(acked(A), acked(B)), replay(A)
    judgement = verdict_on(first_boot, killed(lost, recovery=twice), first=shows(A, B))
    named = [(item.invariant.value, item.where) for item in judgement.violations]
    assert named == [("order", "boot 2"), ("lost-put", "boot 2, call 1")]
    # The rank decides only what shows at once.
    earlier = killed(acked(A), acked(B), lost), killed(recovery=twice)
    assert verdict_on(*earlier, first=shows(A, B)).worst.invariant is Invariant.LOST_PUT


def test_long_lists_are_cut_around_the_place_that_matters():
    records = [put(f"op-{at}", at) for at in range(100)]
    shown = [record for record in records if record.id != "op-50"]
    boot = killed(*(acked(record) for record in records))
    violation = verdict_on(boot, first=shows(*shown)).worst
    assert violation.allowed == (
        "(46 before), op-46, op-47, op-48, op-49, op-50, op-51, op-52, op-53, (46 more)"
    )
    assert len(violation.message) < 250


def test_odd_ids_are_escaped():
    odd = put("\x1b[31m\n", 0)
    violation = verdict_on(killed(acked(odd)), first=NOTHING).worst
    assert "`PutOperation '\\x1b[31m\\n'`" in violation.message
