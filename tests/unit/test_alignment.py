"""Alignment: payloads grow until page and sector ends lie at the bytes that were drawn."""

from base64 import b64encode
from collections import Counter
from dataclasses import replace

import pytest

from walcrash.case.alignment import (
    NOT_TORN,
    Alignment,
    bytes_for_share,
    grow,
    missed_bytes,
    run_aligned,
)
from walcrash.case.boots import CaseBoots
from walcrash.case.power_alignment import aligned_for_power
from walcrash.case.watched_boot import WatchedBoot
from walcrash.recorder.recording import CrashLanding, EventRow, Recording, WatchEnd
from walcrash.values.case import BootPlan, Case
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import KEPT_SCALE, CrashPoint, bytes_of_share
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.image import Image
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.scenario import PhasePlan, WorkloadPlan
from walcrash.values.seed import Prng
from walcrash.values.tears import HEAD_BYTES, PAGE_BYTES, nearest_cut, telling_cuts
from walcrash.workload.fillers import Filling

HEADER_BYTES = 16
FRAME_BYTES = 21
MOST_BYTES = 1000


def put(length: int, number: int = 1) -> Operation:
    record = Record(RecordType.PUT, f"op-{number}", number, payload=b"ab" * (length // 2))
    return Operation(OperationKind.APPEND, record=record)


def done() -> Operation:
    return Operation(OperationKind.APPEND, record=Record(RecordType.DONE, "op-1", 1))


def boot_plan(*operations: Operation, kept: int = 0) -> BootPlan:
    within = CrashPoint(
        call=len(operations),
        ordinal=0,
        placement=Placement.WITHIN,
        event=EventKind.WRITE,
        kept=kept,
    )
    return BootPlan((Operation(OperationKind.OPEN), *operations), within)


def written(plan: BootPlan, *, factor: float = 1.0, is_base_64: bool = False) -> list[Event]:
    """Return the writes of a log that makes a frame of each record; a payload may be text there."""
    events, end = [], HEADER_BYTES
    for call, operation in enumerate(plan.operations):
        if operation.record is None:
            continue
        payload = operation.record.payload
        length = FRAME_BYTES + (
            len(b64encode(payload)) if is_base_64 else int(len(payload) * factor)
        )
        events.append(
            Event(
                kind=EventKind.WRITE,
                call=call,
                path="log",
                offset=end,
                length=length,
                data=bytes(length),
                result=length,
            )
        )
        end += length
    return events


class Boots(CaseBoots):
    """Boots of a made-up log, killed as the recorder would kill it."""

    def __init__(
        self, factor: float = 1.0, *, is_fixed: bool = False, is_whole: bool = False
    ) -> None:
        self.plans: list[BootPlan] = []
        self._factor = factor
        self._is_fixed = is_fixed
        self._is_whole = is_whole

    def run(self, plan: BootPlan) -> WatchedBoot:
        self.plans.append(plan)
        assert isinstance(plan.crash, CrashPoint)
        event = written(plan, factor=self._factor)[-1]
        if self._is_fixed:
            event = replace(event, offset=512, length=512)
        if self._is_whole:
            event = replace(event, offset=0, length=event.offset + event.length)
        wanted = bytes_of_share(plan.crash.kept, event.length)
        kept = nearest_cut(event.offset, event.length, PAGE_BYTES, wanted)
        row = EventRow(EventKind.WRITE, event.call, "log", "", 0, event.offset, event.length, b"",
                       0, False, kept, 0, -1)  # fmt: skip
        landing = CrashLanding(
            event_index=0,
            placement=Placement.WITHIN if kept else Placement.BEFORE,
            row=row,
            kept_bytes=kept,
        )
        recording = Recording(
            rows=(row,), end=WatchEnd.KILLED, crash=landing, unmodelled=(), outside=(), children=0
        )
        nothing = RecoveryFailure(FailureKind.DIED, "it is made up")
        history = BootHistory(recovery=nothing, calls=(), end=BootEnd.KILLED)
        return WatchedBoot(plan=plan, history=history, recording=recording, landing=None, output="")

    def run_again(self, plan: BootPlan, before: Image) -> WatchedBoot:
        del before
        return self.run(plan)

    def filled(self, plan: BootPlan, filling: Filling, count: int) -> BootPlan:
        return filling.put_in(plan, count, Case("short", 0, 1, (plan,)), 1)


def aligned(boots: Boots, plan: BootPlan) -> WatchedBoot:
    boot = run_aligned(boots, plan, Image({}), MOST_BYTES)
    lengths = [len(each.record.payload) for each in boot.plan.operations if each.record is not None]
    assert max(lengths) <= MOST_BYTES
    assert len(boot.plan.operations) == len(plan.operations)
    return boot


@pytest.mark.parametrize("kept", [0, 1000, KEPT_SCALE // 2, KEPT_SCALE - 1])
@pytest.mark.parametrize("last", [put(100, 9), done()])
def test_earlier_payloads_grow_until_a_page_ends_at_the_byte_that_was_drawn(
    kept: int, last: Operation
) -> None:
    puts = [put(0, number) for number in range(6)]
    boots = Boots()
    boot = aligned(boots, boot_plan(*puts, last, kept=kept))
    assert missed_bytes(boot) == 0
    assert boot.plan.operations[-1] == last
    assert len(boots.plans) == 2


def test_a_boot_whose_kill_falls_where_it_was_drawn_is_run_once() -> None:
    first = aligned(Boots(), boot_plan(*[put(0, number) for number in range(6)], put(100, 9)))
    boots = Boots()
    assert aligned(boots, first.plan).plan == first.plan
    assert len(boots.plans) == 1


def test_a_store_that_writes_payloads_as_text_is_measured_again() -> None:
    puts = [put(0, number) for number in range(6)]
    for factor in (4 / 3, 2.0):
        boot = aligned(Boots(factor), boot_plan(*puts, put(100, 9), kept=KEPT_SCALE // 3))
        missed = missed_bytes(boot)
        assert missed is not None
        assert missed <= 2


def test_a_record_grows_itself_where_those_before_it_have_no_room() -> None:
    """Two records of a thousand bytes reach no page end; with the longest before it one does."""
    puts = [put(900, 1), put(900, 2), put(900, 3), put(900, 4)]
    boot = aligned(Boots(), boot_plan(*puts, put(0, 9), kept=KEPT_SCALE // 2))
    assert boot.recording.crash is not None
    assert boot.recording.crash.kept_bytes
    assert len(aligned(Boots(), boot_plan(put(0), put(0))).plan.operations) == 3


@pytest.mark.parametrize("kept", [0, 1000, KEPT_SCALE // 2, KEPT_SCALE - 1])
def test_a_first_record_grows_over_a_page_end_though_another_byte_was_drawn(kept: int) -> None:
    boot = run_aligned(Boots(), boot_plan(put(0), kept=kept), Image({}), 5000)
    assert boot.recording.crash is not None
    assert boot.recording.crash.kept_bytes == PAGE_BYTES - HEADER_BYTES


def test_a_store_whose_records_cannot_be_moved_is_run_as_it_was_drawn() -> None:
    plan = boot_plan(*[put(0, number) for number in range(6)], put(100, 9))
    boot = aligned(Boots(is_fixed=True), plan)
    assert boot.plan == plan
    assert missed_bytes(boot) == NOT_TORN


SHORT = Filling(least_payload_bytes=0, most_payload_bytes=100)


def filled(boots: Boots, plan: BootPlan) -> WatchedBoot:
    return run_aligned(boots, plan, Image({}), 100, filling=SHORT)


@pytest.mark.parametrize("kept", [0, 1000, KEPT_SCALE // 2, KEPT_SCALE - 1])
@pytest.mark.parametrize("last", [put(100, 9), done()])
def test_puts_are_added_where_short_payloads_reach_no_page_end(kept: int, last: Operation) -> None:
    boots, plan = Boots(), boot_plan(put(0), put(100, 2), last, kept=kept)
    boot = filled(boots, plan)
    assert missed_bytes(boot) == 0
    assert boot.plan.operations[-1] == last
    assert len(boot.plan.operations) < 50
    assert len(boots.plans) == 3
    assert max(len(o.record.payload) for o in boot.plan.operations if o.record is not None) == 100


def test_short_payloads_that_are_written_as_text_are_measured_again() -> None:
    for factor in (4 / 3, 2.0):
        boots = Boots(factor)
        boot = filled(boots, boot_plan(put(0), put(100, 9), kept=KEPT_SCALE // 3))
        missed = missed_bytes(boot)
        assert missed is not None
        assert missed <= 4
        assert len(boots.plans) <= 8


def test_no_put_is_added_where_there_is_room_or_where_the_write_does_not_move() -> None:
    puts = [put(0, number) for number in range(60)]
    roomy = boot_plan(*puts, put(100, 90), kept=KEPT_SCALE // 2)
    assert len(filled(Boots(), roomy).plan.operations) == len(roomy.operations)
    plan = boot_plan(put(0), put(100, 9))
    assert filled(Boots(is_fixed=True), plan).plan == plan


@pytest.mark.parametrize("kept", [0, KEPT_SCALE // 4, KEPT_SCALE // 2, KEPT_SCALE - 1])
def test_a_file_that_is_written_whole_gets_longer_than_a_page(kept: int) -> None:
    boots = Boots(is_whole=True)
    boot = filled(boots, boot_plan(put(0), put(100, 2), kept=kept))
    assert boot.recording.crash is not None
    assert boot.recording.crash.kept_bytes == PAGE_BYTES
    assert boot.recording.crash.row.length <= 2 * (PAGE_BYTES + FRAME_BYTES + 100)
    assert len(boot.plan.operations) < 80


def test_payloads_grow_from_the_last_one_on_and_by_their_own_bytes() -> None:
    plan = boot_plan(put(0), put(998), put(4))
    grown = grow(plan, range(1, 3), 5, MOST_BYTES)
    assert grown is not None
    payloads = [each.record.payload for each in grown.operations if each.record is not None]
    assert payloads == [b"xxx", b"ab" * 500, b"abab"]
    assert grow(plan, range(1, 3), 1003, MOST_BYTES) is None
    assert grow(plan, range(1, 1), 0, MOST_BYTES) == plan


def test_sector_ends_are_moved_to_telling_bytes_for_a_power_loss() -> None:
    plan = boot_plan(*[put(100, number) for number in range(12)])
    moved = 0
    for seed in range(20):
        grown = aligned_for_power(
            plan, written(plan), Prng(seed), unit_bytes=512, most_payload_bytes=MOST_BYTES
        )
        assert grown is not None
        for event in written(grown):
            kept = 512 - event.offset % 512
            moved += kept in telling_cuts(event.length)
    assert moved > 4 * 20


def test_each_byte_of_a_header_comes_to_a_sector_end_and_to_a_page_end() -> None:
    plan = boot_plan(*[put(100, number) for number in range(12)])
    ends: dict[int, Counter[int]] = {512: Counter(), PAGE_BYTES: Counter()}
    for seed in range(60):
        grown = aligned_for_power(
            plan, written(plan), Prng(seed), unit_bytes=512, most_payload_bytes=PAGE_BYTES
        )
        assert grown is not None
        for event in written(grown):
            for unit, kept in ends.items():
                kept[unit - event.offset % unit] += 1
    heads = range(1, HEAD_BYTES + 1)
    assert all(kept[head] for kept in ends.values() for head in heads)
    # Its type comes first, and what is behind it may still be right.
    assert sum(ends[512][head] for head in heads[:2]) > sum(ends[512][head] for head in heads[2:])


def test_a_payload_that_is_written_as_text_grows_by_less() -> None:
    sizes = (300, 30, 400, 100)
    plan = boot_plan(*[put(size, number) for number, size in enumerate(sizes)])
    heads = 0
    for seed in range(40):
        grown = aligned_for_power(
            plan, written(plan, factor=2), Prng(seed), unit_bytes=512, most_payload_bytes=MOST_BYTES
        )
        if grown is not None:
            heads += sum(
                0 < 512 - event.offset % 512 <= HEAD_BYTES for event in written(grown, factor=2)
            )
    assert heads > 20


def test_base_64_moves_a_record_to_the_byte_of_its_header_that_it_can_reach() -> None:
    """Four bytes at a time: of eight bytes of a header two can be reached, and one of them is."""
    plan = boot_plan(*[put(size, number) for number, size in enumerate((300, 32, 400, 100, 8))])

    heads = 0
    for seed in range(40):
        grown = aligned_for_power(
            plan,
            written(plan, is_base_64=True),
            Prng(seed),
            unit_bytes=512,
            most_payload_bytes=MOST_BYTES,
        )
        if grown is not None:
            moved = [512 - event.offset % 512 for event in written(grown, is_base_64=True)]
            heads += sum(0 < kept <= HEAD_BYTES for kept in moved)
    assert heads > 40


def test_no_payload_grows_where_all_are_of_one_size() -> None:
    plan = boot_plan(put(MOST_BYTES), put(MOST_BYTES))
    events = written(plan)
    assert (
        aligned_for_power(plan, events, Prng(1), unit_bytes=512, most_payload_bytes=MOST_BYTES)
        is None
    )


def test_payloads_grow_to_the_longest_of_their_phase() -> None:
    phases = (PhasePlan(payload_bytes=(1, 7)), PhasePlan())
    alignment = Alignment.of(WorkloadPlan(payload_bytes=(0, 300), phases=phases))
    assert [alignment.in_boot(number) for number in (1, 2, 3)] == [7, 300, 300]
    fillings = [Filling(least_payload_bytes=1, most_payload_bytes=7),
                Filling(least_payload_bytes=0, most_payload_bytes=300)]  # fmt: skip
    assert [alignment.filling_in(number) for number in (1, 2, 3)] == [*fillings, fillings[1]]
    assert Alignment(most_payload_bytes=(7,)).filling_in(1) is None


@pytest.mark.parametrize("share", [0, 1, 5000, KEPT_SCALE // 2, KEPT_SCALE - 1])
@pytest.mark.parametrize("kept", [1, 2, 100, 4000])
def test_a_length_is_found_of_which_so_many_bytes_are_a_share(share: int, kept: int) -> None:
    length = bytes_for_share(kept, share)
    assert kept < length
    if share:
        assert bytes_of_share(share, length) <= kept
