"""Fillers: as few puts as bring a page end into a record, where payloads are short."""

from dataclasses import replace

import pytest

from walcrash.values.case import BootPlan, Case
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import OperationMix, WorkloadPlan
from walcrash.values.tears import PAGE_BYTES
from walcrash.workload.fillers import FILLERS, SPARE_BYTES, Filling, leave_time
from walcrash.workload.operations import EPOCH_MS

FRAME_BYTES = 21
SHORT = Filling(least_payload_bytes=0, most_payload_bytes=100)
FIXED = Filling(least_payload_bytes=100, most_payload_bytes=100)


def put(number: int, ts_ms: int) -> Operation:
    record = Record(RecordType.PUT, f"op-{number}", ts_ms, payload=b"ab")
    return Operation(OperationKind.APPEND, record=record)


def boot(*operations: Operation) -> BootPlan:
    within = CrashPoint(
        call=len(operations), ordinal=0, placement=Placement.WITHIN, event=EventKind.WRITE, kept=7
    )
    return BootPlan((Operation(OperationKind.OPEN), *operations), within)


def case(*boots: BootPlan) -> Case:
    return Case("short", 3, 17, boots)


def records(plan: BootPlan) -> list[Record]:
    return [each.record for each in plan.operations if each.record is not None]


@pytest.mark.parametrize("needed", [1, 700, 2000, PAGE_BYTES - 1])
@pytest.mark.parametrize("frame", [8, FRAME_BYTES, 120])
def test_the_fewest_fillers_are_taken_that_can_grow_to_the_page_end(
    needed: int, frame: int
) -> None:
    count = SHORT.count(needed, frame, 0, near_bytes=100)
    left = (needed - count * frame) % PAGE_BYTES
    assert 0 < count <= FILLERS
    assert left <= count * 100
    fewer = count - 1
    assert (needed - fewer * frame) % PAGE_BYTES > fewer * 100 - 2 * SPARE_BYTES


def test_payloads_of_one_byte_come_to_a_page_end_by_the_number_of_their_records() -> None:
    tiny = Filling(least_payload_bytes=0, most_payload_bytes=1)
    count = tiny.count(4000, FRAME_BYTES, 0, near_bytes=20)
    assert (4000 - count * FRAME_BYTES) % PAGE_BYTES <= count < FILLERS


def test_records_of_one_length_come_as_near_as_they_get() -> None:
    """No payload grows: the byte that was drawn is met by the number of records alone."""
    frame = FRAME_BYTES + 100
    assert FIXED.count(34 * frame, FRAME_BYTES, 0, near_bytes=frame) == 34
    count = FIXED.count(34 * frame - 60, FRAME_BYTES, 0, near_bytes=frame)
    left = (34 * frame - 60 - count * frame) % PAGE_BYTES
    assert min(left, PAGE_BYTES - left) <= 10


def test_no_filler_is_taken_where_so_many_do_not_reach() -> None:
    empty = Filling(least_payload_bytes=0, most_payload_bytes=0)
    assert empty.count(4000, 8, 0, near_bytes=20) == 0
    # Frames of a sector lie at sector ends, whatever their number.
    assert empty.count(300, 512, 0, near_bytes=100) == 0


def test_only_a_workload_of_short_payloads_with_puts_takes_fillers() -> None:
    assert Filling.of(WorkloadPlan(payload_bytes=(5, 0, 100))) == SHORT
    assert Filling.of(WorkloadPlan(payload_bytes=(0, PAGE_BYTES))) is None
    assert Filling.of(WorkloadPlan(payload_bytes=(0, 1), mix={OperationMix.SYNC: 1})) is None


def test_fillers_are_ordinary_puts_right_before_the_operation_that_is_killed() -> None:
    killed = leave_time(put(3, EPOCH_MS + 9))
    first, second = boot(put(1, EPOCH_MS + 1)), boot(put(2, EPOCH_MS + 7), killed)
    third = boot(put(18, EPOCH_MS + 900))
    whole = case(first, second, third)
    filled = SHORT.put_in(second, 20, whole, 2)
    assert filled == SHORT.put_in(second, 20, whole, 2)
    assert filled.operations[:2] == second.operations[:2]
    assert filled.operations[-1] == killed
    assert filled.crash == replace(killed_at(second), call=22)
    made = records(filled)[1:-1]
    assert len(made) == 20
    assert {record.type for record in made} == {RecordType.PUT}
    assert all(not record.payload for record in made)
    every = [*records(first), *records(filled), *records(third)]
    assert len({record.id for record in every}) == len(every)
    times = [record.ts_ms for record in every]
    assert times == sorted(set(times))


def test_as_many_fillers_as_there_may_be_have_a_time_of_their_own() -> None:
    plan = boot(put(1, EPOCH_MS + 1), leave_time(put(2, EPOCH_MS + 2)))
    times = [record.ts_ms for record in records(SHORT.put_in(plan, FILLERS, case(plan), 1))]
    assert times == sorted(set(times))


@pytest.mark.parametrize("in_own_boot", [True, False])
def test_no_filler_takes_the_time_of_what_comes_next(in_own_boot: bool) -> None:
    """A record is recognised by its time: two with one time were an accusation of a right log."""
    killed = put(2, EPOCH_MS + 20 if in_own_boot else EPOCH_MS + 400)
    plan, next_boot = boot(put(1, EPOCH_MS + 1), killed), boot(put(3, EPOCH_MS + 20))
    whole = case(plan) if in_own_boot else case(plan, next_boot)
    assert SHORT.put_in(plan, 19, whole, 1) is plan
    assert len(records(SHORT.put_in(plan, 18, whole, 1))) == 20


def test_time_is_left_before_a_mark_and_a_tick_too() -> None:
    failed = Record(RecordType.FAILED, "op-1", 5, error="e", next_retry_at_ms=8)
    later = leave_time(Operation(OperationKind.APPEND, record=failed)).record
    assert later == replace(failed, ts_ms=5 + FILLERS, next_retry_at_ms=8 + FILLERS)
    assert leave_time(Operation(OperationKind.TICK, now_ms=4)).now_ms == 4 + FILLERS
    done = Record(RecordType.DONE, "op-1", 5)
    assert leave_time(Operation(OperationKind.APPEND, record=done)).record == replace(
        done, ts_ms=5 + FILLERS
    )


def killed_at(plan: BootPlan) -> CrashPoint:
    assert isinstance(plan.crash, CrashPoint)
    return plan.crash
