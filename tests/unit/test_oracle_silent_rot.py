"""`silent-rot`: what has to be noticed of damage at rest, and what no log can notice."""

import signal
from dataclasses import replace

from oracle_builder import CLOSE, acked, killed, put, shows, verdict_on

from walcrash.values.contract import Acknowledges, Contract, Damage, Promise
from walcrash.values.damage import Author, DamageAtRest, DamageKind, Rotted
from walcrash.values.history import BootHistory, Call, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.recovery import (
    FailureKind,
    Recovery,
    RecoveryFailure,
    UndecodableRecord,
    death_text,
)
from walcrash.values.verdict import Invariant, Judgement, Verdict

A, B, C = put("a", 0), put("b", 1), put("c", 2)
PROMISES = Contract(detects=frozenset({Damage.ROT}), max_attempts=3)
SYNC = Call(Operation(OperationKind.SYNC), Outcome.ACKNOWLEDGED)


def judged(
    *calls: Call,
    hit: int,
    first: Recovery | RecoveryFailure,
    contract: Contract = PROMISES,
    **later: object,
) -> Judgement:
    """Judge a recovery after bytes were damaged that one call of the only boot had written."""
    damage = DamageAtRest(kind=DamageKind.BIT, path="wal.log", offset=41, length=1, bit=3)
    rotted = Rotted(damage=damage, authors=(Author(boot=1, call=hit),))
    boot: BootHistory = killed(*calls)
    return verdict_on(boot, first=first, contract=contract, rotted=rotted, **later)


THREE = (acked(A), acked(B), acked(C))


def test_what_is_behind_the_damage_and_whole_is_not_left_out_without_a_word() -> None:
    (found,) = judged(*THREE, hit=2, first=shows(A)).violations
    assert found.invariant is Invariant.SILENT_ROT
    assert found.record_ts_ms == C.ts_ms
    assert found.message == (
        "`PutOperation c` was acknowledged and is gone, although its own bytes are whole, and "
        "nothing was said; bit 3 of byte 41 of wal.log is flipped, written by `append` of "
        "`PutOperation b` in boot 1"
    )


def test_damage_to_the_last_record_cannot_be_told_from_a_torn_one() -> None:
    assert judged(*THREE, hit=3, first=shows(A, B)).verdict is Verdict.PASS


def test_a_record_is_not_left_out_in_front_of_others() -> None:
    (found,) = judged(*THREE, hit=3, first=shows(A, C)).violations
    assert "`PutOperation b` was acknowledged and is left out before others" in found.message


def test_what_is_damaged_is_not_shown_as_data() -> None:
    other = replace(C, payload=b"qayload")
    (found,) = judged(*THREE, hit=3, first=shows(A, B, other)).violations
    assert found.invariant is Invariant.SILENT_ROT
    assert "came back with another `payload`" in found.message
    assert "(altered-record), and nothing was said; bit 3" in found.message


def test_records_that_changed_places_are_not_shown() -> None:
    (found,) = judged(*THREE, hit=1, first=shows(B, A, C)).violations
    assert "(order)" in found.message


def test_to_refuse_or_to_end_is_a_report() -> None:
    for kind in (FailureKind.REFUSED, FailureKind.DIED, FailureKind.MALFORMED):
        failure = RecoveryFailure(kind, "damaged")
        assert judged(*THREE, hit=1, first=failure).verdict is Verdict.PASS


def test_a_memory_fault_is_no_report() -> None:
    failure = RecoveryFailure(FailureKind.MEMORY_FAULT, death_text(signal.SIGBUS))
    (found,) = judged(*THREE, hit=1, first=failure).violations
    assert found.invariant is Invariant.SILENT_ROT
    assert found.message.startswith("recovery failed (memory-fault): 'died of signal 7 (SIGBUS: ")
    nothing = judged(*THREE, hit=1, first=failure, contract=Contract(max_attempts=3))
    assert nothing.verdict is not Verdict.FAIL


def test_to_hang_is_none_whatever_was_promised() -> None:
    hung = RecoveryFailure(FailureKind.HUNG, "no end")
    for contract in (PROMISES, Contract(max_attempts=3)):
        (found,) = judged(*THREE, hit=1, first=hung, contract=contract).violations
        assert found.invariant is Invariant.SILENT_ROT


def test_a_contract_without_rot_promises_nothing_and_the_reason_is_told() -> None:
    judgement = judged(*THREE, hit=1, first=shows(C), contract=Contract(max_attempts=3))
    assert judgement.verdict is not Verdict.FAIL
    reasons = dict(judgement.unjudged)
    assert reasons[Invariant.SILENT_ROT] == "the contract does not say that it detects rot"


def test_what_no_sync_came_after_may_be_torn_anywhere() -> None:
    contract = replace(PROMISES, acknowledges=Acknowledges.SYNC)
    # Calls 1 to 3 wait for one sync: after a power loss the first may be torn and the last whole.
    together = judged(*THREE, SYNC, hit=1, first=shows(), contract=contract)
    assert together.verdict is Verdict.PASS
    apart = judged(acked(A), SYNC, acked(B), SYNC, hit=1, first=shows(), contract=contract)
    assert [each.invariant for each in apart.violations] == [Invariant.SILENT_ROT]


def test_a_log_that_may_lose_what_was_written_may_cut_it_anywhere() -> None:
    contract = replace(PROMISES, power=Promise.PREFIX)
    assert judged(*THREE, hit=1, first=shows(), contract=contract).verdict is Verdict.PASS
    assert judged(*THREE, hit=1, first=shows(C), contract=contract).verdict is Verdict.FAIL


def test_nothing_follows_from_bytes_that_nobody_is_known_to_have_written() -> None:
    damage = DamageAtRest(kind=DamageKind.CUT, path="wal.log", offset=3)
    looked = verdict_on(
        killed(*THREE), first=shows(), contract=PROMISES, rotted=Rotted(damage=damage)
    )
    assert looked.verdict is Verdict.PASS


def answered(before: int) -> tuple[UndecodableRecord, ...]:
    """Return one answer that a record cannot be decoded, behind so many that could."""
    return (UndecodableRecord(offset=7, data=b"\xff\0", before=before),)


def test_a_damaged_record_that_is_answered_as_undecodable_is_reported() -> None:
    for hit, shown, before in ((1, (B, C), 0), (2, (A, C), 1), (3, (A, B), 2)):
        found = shows(*shown, undecodable=answered(before))
        assert judged(*THREE, hit=hit, first=found).verdict is Verdict.PASS


def test_an_answer_stands_for_a_record_in_its_place_only() -> None:
    elsewhere = shows(A, C, undecodable=answered(2))
    (found,) = judged(*THREE, hit=2, first=elsewhere).violations
    assert "`PutOperation b` was acknowledged and is left out before others" in found.message


def test_a_whole_record_that_is_answered_as_undecodable_is_a_loss() -> None:
    both = (*answered(0), *answered(1))
    for shown, answers, lost in (((A, C), answered(1), "b"), ((B,), both, "c")):
        (found,) = judged(*THREE, hit=1, first=shows(*shown, undecodable=answers)).violations
        assert found.message.startswith(
            f"`PutOperation {lost}` was acknowledged and is answered as undecodable, although "
            "its own bytes are whole; bit 3 of byte 41"
        )
        assert "(undecodable at 7)" in found.found


def test_after_a_mere_crash_what_is_undecodable_was_never_appended() -> None:
    found = verdict_on(killed(*THREE), first=shows(A, B, C, undecodable=answered(3)))
    (violation,) = found.violations
    assert violation.invariant is Invariant.PHANTOM_RECORD
    assert violation.message == (
        "an undecodable record at 7 (2 bytes: ff 00) is there, and was never appended as that"
    )
    assert violation.found == "a, b, c, (undecodable at 7)"


def test_two_recoveries_answer_the_same_as_undecodable() -> None:
    shown = shows(A, undecodable=answered(1))
    found = verdict_on(killed(acked(A)), first=shown, perturbed=shows(A))
    assert Invariant.DETERMINISM in {each.invariant for each in found.violations}


NEW = put("new", 5)


def worked_on(
    call: Call, *, after: Recovery | RecoveryFailure, again: Recovery | None = None
) -> Judgement:
    """Judge a boot with one call on a log that lost its last record to damage."""
    shown = shows(A, B)
    return judged(
        *THREE, hit=3, first=shown, again=again or shown, continued=(call, CLOSE), after=after
    )


def test_what_is_acknowledged_after_damage_is_there_in_the_next_recovery() -> None:
    assert worked_on(acked(NEW), after=shows(A, B, NEW)).verdict is Verdict.PASS
    (found,) = worked_on(acked(NEW), after=shows(A, B)).violations
    assert found.invariant is Invariant.SILENT_ROT
    assert found.message.startswith(
        "after recovery and new records, an acknowledged record is gone: `PutOperation new` was "
    )
    assert "(not-appendable), and nothing was said; bit 3 of byte 41" in found.message


def test_what_a_recovery_of_damage_showed_is_shown_again() -> None:
    (found,) = worked_on(acked(NEW), after=shows(A, NEW), again=shows(A)).violations
    assert (found.invariant, "(idempotence)" in found.message) == (Invariant.SILENT_ROT, True)


def test_to_refuse_later_is_a_report_too() -> None:
    refused = Call(acked(NEW).operation, Outcome.REFUSED, error="damaged")
    assert worked_on(refused, after=shows(A, B)).verdict is Verdict.PASS
    assert worked_on(refused, after=shows(A, B, C)).verdict is Verdict.PASS
    assert worked_on(acked(NEW), after=shows(A, B, C, NEW)).verdict is Verdict.FAIL
    failure = RecoveryFailure(FailureKind.REFUSED, "damaged")
    assert worked_on(acked(NEW), after=failure).verdict is Verdict.PASS
    told = shows(A, B, NEW, undecodable=answered(2))
    assert worked_on(acked(NEW), after=told).verdict is Verdict.PASS


ROTTED = Rotted(
    damage=DamageAtRest(kind=DamageKind.BIT, path="wal.log", offset=41, length=1, bit=3),
    authors=(Author(boot=1, call=3),),
)


def between(*behind: BootHistory, first: Recovery | RecoveryFailure, **later: object) -> Judgement:
    """Judge boots that work on a log whose last record of three was damaged before them."""
    damaged = replace(behind[0], rotted=ROTTED)
    boots = (killed(*THREE), damaged, *behind[1:])
    return verdict_on(*boots, first=first, contract=PROMISES, **later)  # type: ignore[arg-type]


def test_a_boot_that_works_on_damaged_files_keeps_what_it_showed_and_acknowledged() -> None:
    worked = killed(acked(NEW), recovery=shows(A, B))
    assert between(worked, first=shows(A, B, NEW)).verdict is Verdict.PASS
    (found,) = between(worked, first=shows(A, B)).violations
    assert (found.invariant, found.record_ts_ms) == (Invariant.SILENT_ROT, NEW.ts_ms)
    (found,) = between(worked, killed(recovery=shows(A, NEW)), first=shows(A, NEW)).violations
    assert (found.where, found.record_ts_ms) == ("boot 3", B.ts_ms)
    # What the first boot behind the damage shows is judged as any damaged image is.
    (found,) = between(killed(recovery=shows(A, C)), first=shows(A, C)).violations
    assert (found.where, found.record_ts_ms) == ("boot 2", B.ts_ms)


def test_a_boot_that_was_killed_before_it_showed_anything_leaves_that_to_the_next() -> None:
    unseen = replace(killed(recovery=None), calls=())
    assert between(unseen, first=shows(A, B)).verdict is Verdict.PASS
    worked = killed(acked(NEW), recovery=shows(A, B))
    assert between(unseen, worked, first=shows(A, B, NEW)).verdict is Verdict.PASS
    (found,) = between(unseen, first=shows(A, C)).violations
    assert found.record_ts_ms == B.ts_ms


def test_any_refusal_behind_damage_is_a_report_and_a_memory_fault_is_none() -> None:
    worked = killed(acked(NEW), recovery=shows(A, B))
    refused = RecoveryFailure(FailureKind.REFUSED, "damaged")
    assert between(killed(recovery=refused), first=refused).verdict is Verdict.PASS
    assert between(worked, first=refused).verdict is Verdict.PASS
    taken = Call(acked(NEW).operation, Outcome.REFUSED, error="damaged")
    assert between(killed(taken, recovery=shows(A, B)), first=shows(A, B)).verdict is Verdict.PASS
    fault = RecoveryFailure(FailureKind.MEMORY_FAULT, death_text(signal.SIGBUS))
    (found,) = between(worked, first=fault).violations
    assert found.invariant is Invariant.SILENT_ROT
    assert found.message.count("bit 3 of byte 41") == 1
