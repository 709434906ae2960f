"""Fitted workloads: what the cases of a scenario without a workload are drawn from."""

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from walcrash.tools.audit.audit import with_power
from walcrash.values.case import BootPlan, Case
from walcrash.values.contract import Contract
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import (
    BootSelector,
    ClockJump,
    FaultCall,
    FaultKind,
    FaultPlan,
    SlowCall,
)
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import RecordType
from walcrash.values.scenario import (
    FITTED_BOOTS_MOST,
    FITTED_WORKLOAD,
    Budget,
    OperationMix,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
    WorkloadPlan,
)
from walcrash.values.scenario import (
    FITTED_DECK as DECK,
)
from walcrash.values.tears import PAGE_BYTES
from walcrash.values.verdict import Invariant
from walcrash.workload.draw import Profile, draw_case, draw_control, swarm_of
from walcrash.workload.fit import Fit
from walcrash.workload.long_control import FILE_BYTES, MARKED, STEPS, draw_long_control
from walcrash.workload.swarm import CASE_BYTES, LONGEST_PAYLOAD_BYTES

ALL = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})
FRAME = 30
SEGMENT = 65_536
SEGMENTED = Profile(
    fit=Fit(frames={RecordType.PUT: FRAME}, segment_bytes=SEGMENT, takes_second_mark=True)
)
FITTED = Scenario(
    name="fitted",
    summary="",
    path="",
    subject=SubjectSpec("reference"),
    contract=Contract(),
    workload=FITTED_WORKLOAD,
    faults=(FaultPlan(), FaultPlan(kind=FaultKind.POWER)),
    invariants=frozenset(Invariant),
    budget=Budget(),
    limits=RecoveryLimits(),
)


@cache
def many() -> list[Case]:
    return cases(4 * DECK)


def cases(count: int = 2 * DECK, *, profile=SEGMENTED, of=FITTED, supports=ALL, seed="s"):
    return [
        draw_case(of, supports=supports, profile=profile, master_seed=seed, index=index)
        for index in range(count)
    ]


def puts(case: Case) -> list[int]:
    records = [o.record for boot in case.boots for o in boot.operations if o.record is not None]
    return [len(record.payload) for record in records if record.type is RecordType.PUT]


def test_the_same_inputs_give_the_same_case_and_another_fit_another():
    assert cases() == cases()
    assert cases() != cases(profile=Profile())
    assert cases(DECK) != cases(DECK, seed="t")
    alone = draw_case(FITTED, supports=ALL, profile=SEGMENTED, master_seed="s", index=17)
    assert alone == many()[17]


def test_of_one_deck_of_cases_each_shape_of_boots_is_there():
    for start in (0, DECK):
        found = Counter(len(case.boots) for case in cases()[start : start + DECK])
        assert {1, 2, 3} <= set(found)
        assert sum(count for boots, count in found.items() if boots >= 10) == 2
        assert max(found) <= FITTED_BOOTS_MOST


def test_every_operation_that_the_subject_supports_is_drawn_and_no_other():
    drawn = {o.kind for case in cases() for boot in case.boots for o in boot.operations}
    assert drawn == set(OperationKind)
    fewer = cases(supports=frozenset({"sync"}))
    drawn = {o.kind for case in fewer for boot in case.boots for o in boot.operations}
    assert drawn.isdisjoint({OperationKind.APPLY, OperationKind.TICK, OperationKind.COMPACT})


def test_cases_have_subsets_of_the_operations():
    subsets = {
        frozenset(o.kind for boot in case.boots for o in boot.operations) for case in cases()
    }
    assert len(subsets) > DECK // 2


def upkeep(drawn: list[Case]) -> list[BootPlan]:
    """Return the boots that compact first of all."""
    boots = [boot for case in drawn for boot in case.boots if len(boot.operations) in (3, 4)]
    return [
        boot
        for boot in boots
        if boot.operations[1].kind is OperationKind.COMPACT
        and all(o.kind is not OperationKind.APPEND for o in boot.operations)
    ]


def test_some_boots_are_idle_and_some_cases_close_between_their_boots():
    drawn = many()
    idle = [len(boot.operations) <= 2 for case in drawn for boot in case.boots]
    assert 0 < sum(idle) < len(idle) / 2
    assert len(upkeep(drawn)) > 1
    closed = [all(b.crash is None for b in case.boots[:-1]) for case in drawn if case.boots[1:]]
    assert any(closed)
    assert not all(closed)


def test_where_a_file_was_followed_payloads_fill_one_with_few_records_and_go_beyond():
    sizes = [puts(case) for case in many()]
    assert any(sum(each) > 3 * SEGMENT for each in sizes)
    assert any(size + FRAME > SEGMENT for each in sizes for size in each)
    assert all(size <= LONGEST_PAYLOAD_BYTES for each in sizes for size in each)


def test_where_none_was_followed_no_size_is_made_up():
    for case in cases(profile=Profile()):
        assert sum(puts(case)) < 3 * CASE_BYTES


def test_records_end_at_page_and_sector_ends_or_a_byte_off():
    of_edges = Counter(
        (size + FRAME + len("op-12")) % 512 for case in many() for size in puts(case)
    )
    assert min(of_edges[0], of_edges[1], of_edges[511]) > 5


def test_what_the_subject_refuses_is_never_drawn():
    limited = Profile(fit=replace(SEGMENTED.fit, most_payload_bytes=900))
    assert max(size for case in cases(profile=limited) for size in puts(case)) <= 900
    nothing = Profile(fit=replace(SEGMENTED.fit, most_payload_bytes=1))
    assert max(size for case in cases(2 * DECK, profile=nothing) for size in puts(case)) <= 1


def second_marks(drawn: list[Case]) -> int:
    count = 0
    for case in drawn:
        records = [o.record for boot in case.boots for o in boot.operations if o.record]
        done = Counter(record.id for record in records if record.type is RecordType.DONE)
        count += sum(number - 1 for number in done.values())
    return count


def test_operations_are_marked_twice_only_where_the_subject_took_that():
    assert second_marks(many()) > 3
    refusing = Profile(fit=replace(SEGMENTED.fit, takes_second_mark=False))
    assert second_marks(cases(profile=refusing)) == 0


def test_a_case_stays_within_its_bytes_on_average():
    total = [sum(puts(case)) for case in many()]
    assert sum(total) / len(total) < CASE_BYTES


def test_where_every_fault_ends_a_later_boot_there_is_one():
    later = replace(FITTED, faults=(FaultPlan(boots=BootSelector.LATER),))
    assert all(len(case.boots) > 1 for case in cases(of=later))


def test_bounds_of_boots_and_a_steady_clock_are_kept():
    audited = with_power(FITTED, 5)
    drawn = cases(of=audited)
    assert all(len(case.boots) >= audited.workload.boots[0] for case in drawn)
    assert not any(case.is_clock_back for case in drawn)


def test_a_stated_workload_is_drawn_as_it_was_whatever_the_subject_showed():
    stated = replace(FITTED, workload=WorkloadPlan(boots=(1, 3), clean_close=20))
    assert cases(of=stated) == cases(of=stated, profile=Profile())
    swarm = swarm_of(stated, supports=ALL, profile=SEGMENTED, master_seed="s", index=3)
    assert swarm.workload is stated.workload
    assert second_marks(cases(of=stated)) == 0


def test_a_fitted_control_has_no_more_boots_than_most_cases():
    boots = [len(draw_control(FITTED, ALL, "s", index).boots) for index in range(30)]
    assert set(boots) == {2, 3}


def long_sizes(case: Case) -> list[int]:
    return puts(replace(case, boots=case.boots[:1]))


def test_the_long_control_appends_ever_longer_records_and_marks_one_operation_twice():
    case = draw_long_control(FITTED, frozenset(), "s")
    assert sum(long_sizes(case)) == FILE_BYTES
    assert long_sizes(case) == sorted(long_sizes(case))
    assert case.is_control
    assert len(case.boots) == 2
    records = [o.record for boot in case.boots for o in boot.operations if o.record]
    assert all(one.ts_ms < other.ts_ms for one, other in pairwise(records))
    assert second_marks([case]) == 1
    assert second_marks([draw_long_control(FITTED, ALL, "s", has_second_mark=False)]) == 0
    marks = Counter(record.type for record in records)
    assert (marks[RecordType.DONE], marks[RecordType.FAILED]) == (MARKED + 1, MARKED)


def test_the_long_control_leaves_out_what_is_longer_than_it_may_be():
    for _, size in STEPS:
        case = draw_long_control(FITTED, ALL, "s", most_payload_bytes=size - 1)
        assert max(long_sizes(case)) < size
        assert OperationKind.SYNC in {o.kind for o in case.boots[0].operations}


def test_a_page_end_lies_in_some_record_of_most_cases_with_long_ones():
    assert max(max(puts(case), default=0) for case in cases()) > PAGE_BYTES


def with_fitted_faults(profile: Profile) -> list[Case]:
    return cases(profile=profile, of=replace(FITTED, fits_faults=True))


THREADED = replace(SEGMENTED, has_threads=True)
SLOW = (4, 9, 14)
SLOW_WRITES = 7


def test_a_few_cases_of_each_deck_have_slow_calls_or_other_clocks_beside_all_others() -> None:
    bare = many()[: 2 * DECK]
    clock = {13: ClockJump}
    slow = dict.fromkeys((*SLOW, SLOW_WRITES), SlowCall)
    for profile, kinds in ((SEGMENTED, clock), (THREADED, clock | slow)):
        found = with_fitted_faults(profile)
        for index, (case, without) in enumerate(zip(found, bare, strict=True)):
            kind = kinds.get(index % DECK)
            if kind is None:
                assert case == without
            else:
                assert all(type(fault) is kind for fault in case.faults)
        assert {type(fault) for case in found for fault in case.faults} == set(kinds.values())


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.ROT])
def test_one_case_of_three_has_the_crashes_alone_where_something_is_injected_beside_them(kind):
    injected = FaultPlan(kind=kind)
    found = cases(of=replace(FITTED, faults=(*FITTED.faults, injected)))
    bare = many()[: 2 * DECK]
    assert found[2::3] == bare[2::3]
    assert sum(bool(case.faults) for case in found if case.index % 3 != 2) > DECK
    # A scenario that has no other fault, or states its workload, is obeyed.
    alone = cases(of=replace(FITTED, faults=(injected,)))
    stated = replace(FITTED.workload, is_fitted=False)
    obeyed = cases(of=replace(FITTED, faults=(*FITTED.faults, injected), workload=stated))
    assert all(any(case.faults for case in drawn[2::3]) for drawn in (alone, obeyed))


def test_in_one_case_of_each_deck_the_writes_are_slow_and_in_three_the_syncs() -> None:
    calls = {
        (at % DECK in SLOW, fault.on)
        for at, case in enumerate(with_fitted_faults(THREADED))
        for fault in case.faults
        if isinstance(fault, SlowCall)
    }
    assert calls == {(True, FaultCall.FSYNC), (False, FaultCall.WRITE)}


def test_behind_a_slow_sync_all_are_slow_and_a_boot_with_many_operations_crashes() -> None:
    slow = [case for at, case in enumerate(with_fitted_faults(THREADED)) if at % DECK in SLOW]
    assert all(len(case.boots) <= 2 for case in slow)
    assert all(boot.crash is not None for case in slow for boot in case.boots)
    assert max(len(boot.operations) for case in slow for boot in case.boots) > 12
    found = [
        (fault, len(case.boots[fault.boot].operations))
        for case in slow
        for fault in case.faults
        if isinstance(fault, SlowCall)
    ]
    assert len(found) > 4
    assert all(fault.times is None for fault, _ in found)
    # What begins late leaves little behind it.
    assert sum(2 * fault.call < count for fault, count in found) > len(found) // 2


def test_where_a_sync_promises_it_is_in_each_case_and_comes_often() -> None:
    def syncs(fit: Fit) -> list[int]:
        found = cases(4 * DECK, profile=Profile(fit=fit))
        return [
            sum(o.kind is OperationKind.SYNC for boot in case.boots for o in boot.operations)
            for case in found
        ]

    usual, promising = syncs(Fit()), syncs(Fit(is_promised_by_sync=True))
    assert sum(promising) > 2 * sum(usual)
    assert promising.count(0) < usual.count(0) // 2


def test_threads_are_those_that_change_files() -> None:
    boot = BootPlan((Operation(OperationKind.OPEN),))

    def has_threads(*events: Event) -> bool:
        profile = Profile.of([(boot, events)])
        return Profile.merged([profile, Profile()]).has_threads

    write = Event(kind=EventKind.WRITE, call=0, path="a", thread=1)
    assert not has_threads(Event(kind=EventKind.REPLY, call=0), write)
    assert has_threads(write, replace(write, kind=EventKind.FDATASYNC, thread=2))


def test_in_some_cases_a_log_is_asked_for_its_upkeep_twice_in_a_row() -> None:
    compact = Operation(OperationKind.COMPACT)
    pairs = [
        any(pair == (compact, compact) for boot in case.boots for pair in pairwise(boot.operations))
        for case in many()
    ]
    assert len(pairs) // 16 < sum(pairs) < len(pairs) // 2
    without = cases(supports=ALL - {"compact", "apply", "sync"})
    assert not any(has_upkeep(case) for case in without)


def has_upkeep(case: Case) -> bool:
    kinds = (OperationKind.COMPACT, OperationKind.APPLY, OperationKind.SYNC)
    return any(each.kind in kinds for boot in case.boots for each in boot.operations)


ROOM = 16_384
RING = Profile(fit=Fit(frames={RecordType.PUT: FRAME, RecordType.DONE: FRAME}, room_bytes=ROOM))


def ring_swarms(supports=ALL):
    return [
        swarm_of(FITTED, supports=supports, profile=RING, master_seed="s", index=index)
        for index in range(DECK)
    ]


def test_seven_cases_of_sixteen_fill_a_fixed_room_and_free_it():
    swarms = ring_swarms()
    filling = [swarm for swarm in swarms if swarm.held_bytes]
    assert len(filling) == 7
    for swarm in filling:
        assert {OperationMix.PUT, OperationMix.DONE, OperationMix.COMPACT} <= set(
            swarm.workload.mix
        )
        longest = max(swarm.workload.payload_bytes) + FRAME + len("op-12")
        assert 3 <= ROOM // longest <= 25
    without = [each for each in ring_swarms(frozenset({"reopen"})) if each.held_bytes]
    assert all(OperationMix.COMPACT not in each.workload.mix for each in without)


def segmented(supports=ALL, profile=SEGMENTED, count=4 * DECK):
    return [
        swarm_of(FITTED, supports=supports, profile=profile, master_seed="s", index=index)
        for index in range(count)
    ]


def test_some_cases_of_a_log_of_files_free_them_so_that_one_may_be_used_again():
    whole = SEGMENTED.fit.segment_bytes
    freeing = [swarm for swarm in segmented() if swarm.held_bytes]
    assert len(freeing) in range(6, 19), "about three of sixteen"
    assert {swarm.held_bytes for swarm in freeing} == {whole // 4, 2 * whole, 3 * whole}
    for swarm in freeing:
        assert {OperationMix.PUT, OperationMix.DONE, OperationMix.COMPACT} <= set(
            swarm.workload.mix
        )
        assert max(swarm.workload.payload_bytes) < whole
    written = []
    for index, case in enumerate(cases(4 * DECK, profile=SEGMENTED)):
        if segmented()[index].held_bytes:
            records = [o.record for boot in case.boots for o in boot.operations if o.record]
            written.append(sum(map(SEGMENTED.fit.record_bytes, records)) / whole)
    assert max(written) > 3


def test_what_cannot_be_compacted_or_has_long_files_frees_none_on_purpose():
    long = replace(SEGMENTED, fit=replace(SEGMENTED.fit, segment_bytes=1 << 20))
    for swarms in (
        segmented(ALL - {"compact"}),
        segmented(profile=long),
        segmented(profile=Profile()),
    ):
        assert not any(swarm.held_bytes for swarm in swarms)


def test_what_is_put_in_a_log_of_fixed_room_goes_round_and_is_refused_now_and_then():
    rounds, refused = [], 0
    for index, swarm in enumerate(ring_swarms()):
        if not swarm.held_bytes:
            continue
        case = cases(DECK, profile=RING)[index]
        used = put = 0
        held: list[tuple[str, int]] = []
        done: set[str] = set()
        for operation in (each for boot in case.boots for each in boot.operations):
            record = operation.record
            if operation.kind is OperationKind.COMPACT:
                while held and held[0][0] in done:
                    used -= held.pop(0)[1]
            if record is None:
                continue
            taken = RING.fit.record_bytes(record)
            if used + taken > ROOM:
                refused += 1
                continue
            held.append((record.id, taken))
            used, put = used + taken, put + taken
            if record.type is RecordType.DONE:
                done.add(record.id)
        rounds.append(put / ROOM)
    assert sum(each > 1 for each in rounds) >= 2
    assert max(rounds) > 1.5
    assert refused > 0
