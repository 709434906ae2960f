"""Drawn cases: where the crash falls, and what a fault gets to choose from."""

from collections import Counter
from dataclasses import replace

import pytest

from walcrash.scenario.file import find_scenarios, load_scenario
from walcrash.tools.audit.audit import with_power
from walcrash.values.case import BootPlan
from walcrash.values.contract import Contract
from walcrash.values.event import EventKind
from walcrash.values.faults import (
    KEPT_SCALE,
    BootSelector,
    CrashPoint,
    FaultCall,
    FaultKind,
    FaultPlan,
    KillTimer,
)
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.scenario import (
    Budget,
    IdStyle,
    OperationMix,
    PhasePlan,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
    WorkloadPlan,
)
from walcrash.values.seed import derive_seed
from walcrash.values.verdict import Invariant
from walcrash.workload.draw import Profile, draw_case, draw_control, operation_key

ALL = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})
EVERYTHING = dict.fromkeys(OperationMix, 1)


def scenario(*faults, **workload):
    return Scenario(
        name="drawn",
        summary="",
        path="",
        subject=SubjectSpec("reference"),
        contract=Contract(),
        workload=WorkloadPlan(**{"mix": EVERYTHING, **workload}),
        faults=faults or (FaultPlan(),),
        invariants=frozenset(Invariant),
        budget=Budget(),
        limits=RecoveryLimits(),
    )


def cases(of, count=200, *, supports=ALL, profile=None, seed="seed"):
    return [
        draw_case(of, supports=supports, profile=profile or Profile(), master_seed=seed, index=each)
        for each in range(count)
    ]


def ends(of, count=200, **how):
    """Return (operation key, crash) of every boot that has one."""
    return [
        (operation_key(boot.operations[-1], is_first_boot=number == 0), boot.crash)
        for case in cases(of, count, **how)
        for number, boot in enumerate(case.boots)
        if boot.crash is not None
    ]


def test_a_case_carries_the_seed_that_it_was_drawn_from():
    case = draw_case(scenario(), supports=ALL, profile=Profile(), master_seed="abc", index=7)
    assert case.seed == derive_seed("abc", "drawn", 7)
    assert (case.scenario, case.index) == ("drawn", 7)


def test_the_same_inputs_give_the_same_case_and_others_another():
    assert cases(scenario(), 20) == cases(scenario(), 20)
    assert cases(scenario(), 20) != cases(scenario(), 20, seed="other")
    assert cases(scenario(), 1, seed=7) != cases(scenario(), 1, seed="7")


def test_the_clock_goes_back_in_so_many_cases_and_all_else_is_drawn_as_without():
    steady = cases(scenario(clock_back=0))
    back = [case.is_clock_back for case in cases(scenario(clock_back=30))]
    assert not any(case.is_clock_back for case in steady)
    assert 40 <= sum(back) <= 80
    assert [
        replace(case, is_clock_back=False) for case in cases(scenario(clock_back=100))
    ] == steady


def test_a_control_has_a_clock_that_goes_back_only_where_the_scenario_has_such_cases():
    for share, expected in ((0, False), (1, True)):
        of = scenario(clock_back=share)
        assert draw_control(of, ALL, "s", 0, is_clock_back=True).is_clock_back is expected
        assert draw_control(of, ALL, "s", 0).is_clock_back is False


def test_an_audit_has_a_steady_clock_in_every_case():
    audited = with_power(scenario(clock_back=100), 5)
    assert not any(case.is_clock_back for case in cases(audited, 20))
    assert audited.workload.boots[0] > 1


def test_the_order_of_weights_in_the_file_does_not_matter():
    turned = dict(reversed(EVERYTHING.items()))
    assert cases(scenario(mix=turned), 20) == cases(scenario(), 20)


def test_a_kill_without_operations_falls_into_every_operation_there_is():
    kinds = {key for key, _ in ends(scenario(boots=(1, 3)), 600)}
    assert kinds == {
        "open",
        "reopen",
        "append PutOperation",
        "append MarkDone",
        "append MarkFailed",
        "sync",
        "apply",
        "tick",
        "compact",
        "replay",
        "close",
    }


def test_the_crash_is_in_the_last_operation_of_its_boot():
    for case in cases(scenario(boots=(1, 3))):
        for boot in case.boots:
            assert isinstance(boot.crash, CrashPoint)
            assert boot.crash.call == len(boot.operations) - 1


@pytest.mark.parametrize("name", ["sync", "apply", "tick", "compact", "replay", "close", "open"])
def test_a_fault_of_one_operation_falls_into_it_also_where_none_was_drawn(name):
    mix = {OperationMix.PUT: 1000, **{kind: 1 for kind in OperationMix if kind.value == name}}
    drawn = ends(scenario(FaultPlan(operations=(name,)), mix=mix, operations=(0, 5)))
    assert {key for key, _ in drawn} == {name}


@pytest.mark.parametrize("type_", [RecordType.DONE, RecordType.FAILED])
def test_a_fault_in_a_mark_is_drawn_behind_a_put_if_there_is_none(type_):
    mix = {OperationMix.PUT: 1000, OperationMix.DONE: 1, OperationMix.FAILED: 1}
    fault = FaultPlan(operations=(type_.value,))
    drawn = ends(scenario(fault, mix=mix, operations=(0, 3)))
    assert {key for key, _ in drawn} == {f"append {type_.value}"}


def test_a_crash_is_drawn_over_all_events_that_the_profile_knows_and_sometimes_beyond():
    profile = Profile({"apply": {EventKind.RENAME: 2}}, {"apply": 5})
    drawn = ends(scenario(FaultPlan(operations=("apply",))), 800, profile=profile)
    ordinals = Counter(crash.ordinal for _, crash in drawn)
    assert set(ordinals) == set(range(10))
    beyond = sum(count for ordinal, count in ordinals.items() if ordinal >= 5)
    assert 60 <= beyond <= 150  # one in eight of 800
    named = FaultPlan(operations=("apply",), event=EventKind.RENAME)
    drawn = ends(scenario(named), 300, profile=profile)
    assert {crash.ordinal for _, crash in drawn} == {0, 1, 2, 3}
    assert {crash.event for _, crash in drawn} == {EventKind.RENAME}


def test_a_recovery_after_a_crash_can_be_hit_later_than_the_control_run_went():
    profile = Profile({}, {"reopen": 1})
    fault = FaultPlan(operations=("open",), boots=BootSelector.LATER)
    drawn = ends(scenario(fault, boots=(2, 2)), profile=profile)
    assert {key for key, _ in drawn} == {"reopen"}
    assert {crash.ordinal for _, crash in drawn} >= set(range(6))


def test_an_event_is_looked_for_in_the_operations_that_have_it():
    profile = Profile({"apply": {EventKind.RENAME: 2}, "close": {}}, {"apply": 5, "close": 1})
    drawn = ends(scenario(FaultPlan(event=EventKind.RENAME), operations=(30, 30)), profile=profile)
    share = Counter(key for key, _ in drawn)
    assert share["apply"] > 190


def test_a_kill_at_an_effect_is_looked_for_in_ticks_that_send_something():
    mix = {OperationMix.PUT: 1, OperationMix.TICK: 3}
    fault = FaultPlan(event=EventKind.EFFECT)
    sending = 0
    for case in cases(scenario(fault, mix=mix, operations=(20, 20))):
        *before, last = case.boots[0].operations
        assert last.kind is OperationKind.TICK
        # With puts and ticks only, a tick sends something if a put came after the tick before.
        kinds = [each.kind for each in before]
        since = kinds[::-1].index(OperationKind.TICK) if OperationKind.TICK in kinds else None
        sending += OperationKind.APPEND in (kinds if since is None else kinds[len(kinds) - since :])
    assert sending > 190


def test_within_draws_every_share_and_its_ends_more_often():
    fault = FaultPlan(operations=("append",), placements=(Placement.WITHIN,))
    kept = [crash.kept for _, crash in ends(scenario(fault), 400)]
    assert kept.count(0) > 20
    assert kept.count(KEPT_SCALE - 1) > 20
    assert all(0 <= each < KEPT_SCALE for each in kept)
    assert len(set(kept)) > 200


def test_placements_are_those_of_the_fault_and_within_is_left_to_writes():
    fault = FaultPlan(operations=("append",), event=EventKind.FSYNC)
    assert {crash.placement for _, crash in ends(scenario(fault))} == {
        Placement.BEFORE,
        Placement.AFTER,
    }
    fault = FaultPlan(placements=(Placement.AFTER,))
    assert {crash.placement for _, crash in ends(scenario(fault))} == {Placement.AFTER}


def test_a_timer_kills_a_boot_that_is_not_cut():
    fault = FaultPlan(kind=FaultKind.KILL_TIMER, delay_us=(5, 9))
    for case in cases(scenario(fault, operations=(4, 4))):
        (boot,) = case.boots
        assert isinstance(boot.crash, KillTimer)
        assert 5 <= boot.crash.delay_us <= 9
        assert len(boot.operations) == 5
        assert boot.operations[-1].kind is not OperationKind.CLOSE


def test_faults_fall_into_the_boots_that_they_select():
    first = FaultPlan(boots=BootSelector.FIRST, event=EventKind.CREATE)
    later = FaultPlan(boots=BootSelector.LATER, event=EventKind.RENAME)
    last = FaultPlan(boots=BootSelector.LAST, event=EventKind.FSYNC)
    for case in cases(scenario(first, later, last, boots=(3, 3))):
        kinds = [boot.crash.event for boot in case.boots]
        assert kinds[0] is EventKind.CREATE
        assert kinds[1] is EventKind.RENAME
        assert kinds[2] in (EventKind.RENAME, EventKind.FSYNC)


def test_a_boot_that_no_fault_selects_is_closed():
    for case in cases(scenario(FaultPlan(boots=BootSelector.FIRST), boots=(2, 2)), 20):
        assert case.boots[0].crash is not None
        assert case.boots[1].crash is None
        assert case.boots[1].operations[-1].kind is OperationKind.CLOSE


def test_faults_are_drawn_by_their_weights():
    often = FaultPlan(weight=9, event=EventKind.WRITE)
    seldom = FaultPlan(weight=1, event=EventKind.FSYNC)
    share = Counter(crash.event for _, crash in ends(scenario(often, seldom), 500))
    assert 20 <= share[EventKind.FSYNC] <= 90


def test_some_boots_are_closed_cleanly_but_never_the_last():
    drawn = cases(scenario(boots=(3, 3), clean_close=50), 100)
    closed = [boot.crash is None for case in drawn for boot in case.boots[:-1]]
    assert 70 <= sum(closed) <= 130
    assert all(case.boots[-1].crash is not None for case in drawn)


def test_what_the_subject_does_not_support_is_never_drawn():
    kinds = {
        operation.kind
        for case in cases(scenario(boots=(1, 2)), 100, supports=frozenset())
        for boot in case.boots
        for operation in boot.operations
    }
    assert kinds == {
        OperationKind.OPEN,
        OperationKind.APPEND,
        OperationKind.REPLAY,
        OperationKind.CLOSE,
    }


def test_a_fault_in_what_the_subject_does_not_support_is_left_out():
    compact = FaultPlan(operations=("compact",))
    effect = FaultPlan(event=EventKind.EFFECT)
    either = FaultPlan(operations=("compact", "append"))
    nothing = frozenset()
    assert ends(scenario(compact, effect), 20, supports=nothing) == []
    drawn = ends(scenario(compact, effect, either), 50, supports=nothing)
    assert len(drawn) == 50
    assert all(key.startswith("append ") for key, _ in drawn)


def test_payloads_have_the_sizes_asked_for_and_bytes_of_every_value():
    sizes = (0, 1, 5000)
    payloads = [
        operation.record.payload
        for case in cases(scenario(payload_bytes=sizes, operations=(20, 20)), 60)
        for boot in case.boots
        for operation in boot.operations
        if operation.record is not None and operation.record.type is RecordType.PUT
    ]
    assert {len(payload) for payload in payloads} == set(sizes)
    assert set(b"".join(payloads)) == set(range(256))
    assert bytes(5000) in payloads


def test_odd_ids_have_what_breaks_stores():
    ids = [
        operation.record.id
        for case in cases(scenario(ids=IdStyle.ODD, operations=(40, 40)), 60)
        for boot in case.boots
        for operation in boot.operations
        if operation.record is not None
    ]
    assert "" in ids
    for piece in (" ", "\n", '"', "'", "\0", "\U0001f9e8", "\u0301", "\u202e", "../", "%s", "{"):
        assert any(piece in id_ for id_ in ids), piece
    assert max(map(len, ids)) > 4096
    for id_ in ids:
        id_.encode()


def test_ticks_are_sometimes_far_ahead_and_time_never_goes_back():
    gaps = []
    for case in cases(scenario(mix={OperationMix.PUT: 1, OperationMix.TICK: 1}), 50):
        now_ms = 0
        for boot in case.boots:
            for operation in boot.operations:
                time_ms = operation.now_ms or (operation.record and operation.record.ts_ms)
                if time_ms:
                    gaps.append(time_ms - now_ms if now_ms else 0)
                    now_ms = time_ms
    assert min(gaps) >= 0
    assert max(gaps) >= 86_400_000


def test_a_replay_starts_from_any_append_since_the_last_compaction():
    mix = {OperationMix.PUT: 3, OperationMix.COMPACT: 1, OperationMix.REPLAY: 3}
    starts = 0
    for case in cases(scenario(mix=mix, operations=(30, 30)), 50):
        (boot,) = case.boots
        for at, operation in enumerate(boot.operations):
            if operation.from_call is not None:
                starts += 1
                between = [each.kind for each in boot.operations[operation.from_call : at]]
                assert between[0] is OperationKind.APPEND
                assert OperationKind.COMPACT not in between
    assert starts > 50


def test_most_marks_follow_a_tick_that_sent_their_operation():
    sent_marks = marks = 0
    mix = {OperationMix.PUT: 3, OperationMix.DONE: 3, OperationMix.TICK: 3}
    for case in cases(scenario(mix=mix, operations=(30, 30)), 200):
        put, sent = set(), set()
        for operation in case.boots[0].operations:
            if operation.now_ms is not None:
                sent |= put
            elif operation.record is not None and operation.record.type is RecordType.PUT:
                put.add(operation.record.id)
            elif operation.record is not None:
                marks += 1
                sent_marks += operation.record.id in sent
    assert 0.5 < sent_marks / marks < 1


def test_a_control_case_has_no_crash_and_every_operation_in_every_boot():
    for index in range(20):
        case = draw_control(scenario(boots=(1, 3), operations=(0, 3)), ALL, "seed", index)
        assert len(case.boots) >= 2
        for boot in case.boots:
            assert boot.crash is None
            kinds = {each.kind for each in boot.operations}
            types = {each.record.type for each in boot.operations if each.record}
            assert kinds == set(OperationKind)
            assert types == set(RecordType)
            assert boot.operations[-1].kind is OperationKind.CLOSE


def test_a_control_case_keeps_to_the_mix_and_to_what_is_supported():
    mix = {OperationMix.PUT: 1, OperationMix.SYNC: 1, OperationMix.COMPACT: 1}
    case = draw_control(scenario(mix=mix), frozenset({"sync"}), 3, 0)
    kinds = {each.kind for boot in case.boots for each in boot.operations}
    assert kinds == {
        OperationKind.OPEN,
        OperationKind.APPEND,
        OperationKind.SYNC,
        OperationKind.CLOSE,
    }
    assert len(case.boots) == 1


def test_control_cases_differ_from_the_cases_of_the_same_index():
    drawn = draw_control(scenario(), ALL, "seed", 0)
    assert drawn == draw_control(scenario(), ALL, "seed", 0)
    assert drawn.seed != cases(scenario(), 1)[0].seed


@pytest.mark.parametrize("path", find_scenarios([]), ids=lambda path: path.stem)
def test_every_shipped_scenario_ends_each_case_with_a_crash(path):
    for case in cases(load_scenario(path), 40):
        assert case.boots[-1].crash is not None


def test_each_boot_is_drawn_by_its_phase_and_later_ones_by_the_last():
    drawn = scenario(
        FaultPlan(kind=FaultKind.POWER),
        boots=(3, 3),
        operations=(4, 4),
        payload_bytes=(7,),
        phases=(
            PhasePlan(mix={OperationMix.PUT: 1}, clean_close=100),
            PhasePlan(operations=(9, 9), mix={OperationMix.PUT: 1}, payload_bytes=(45_000,)),
        ),
    )
    for case in [*cases(drawn, 20), draw_control(drawn, ALL, "seed", 0)]:
        sizes = [
            {len(each.record.payload) for each in boot.operations if each.record is not None}
            for boot in case.boots
        ]
        counts = [len(boot.operations) - 2 for boot in case.boots]
        assert sizes == [{7}, {45_000}, {45_000}]
        assert counts == [4, 9, 9]
        assert case.boots[0].crash is None


def test_a_phase_that_says_nothing_draws_the_same_cases():
    plain = scenario(boots=(1, 3), clean_close=30)
    assert cases(plain) == cases(scenario(boots=(1, 3), clean_close=30, phases=(PhasePlan(),)))


def test_the_first_cases_have_few_images_where_the_scenario_states_no_number():
    losses = [
        [case.boots[-1].crash.images for case in cases(scenario(plan), 14)]
        for plan in (FaultPlan(kind=FaultKind.POWER), FaultPlan(kind=FaultKind.POWER, images=40))
    ]
    assert losses == [[12] * 4 + [25] * 4 + [50] * 4 + [100] * 2, [40] * 14]


def test_an_error_mostly_falls_on_a_call_that_a_control_had():
    seen = Profile({"append PutOperation": {EventKind.FSYNC: 1}}, {"append PutOperation": 2})
    of = scenario(FaultPlan(kind=FaultKind.ERROR), mix={OperationMix.PUT: 1})
    faults = [fault for case in cases(of, 1000, profile=seen) for fault in case.faults]
    drawn = Counter(fault.on for fault in faults)
    assert drawn[FaultCall.FSYNC] > sum(drawn.values()) * 2 // 3
    assert len(drawn) > 5
    # What no control had is the first such call more often than a later one.
    later = Counter(fault.ordinal for fault in faults if fault.on is not FaultCall.FSYNC)
    assert later[0] > later[1] > later[3]


def test_the_last_boot_mostly_loses_its_power_where_a_sync_fails_in_it() -> None:
    kill, power = FaultPlan(), FaultPlan(kind=FaultKind.POWER)
    failing = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,))
    ends: Counter[bool] = Counter()
    for case in cases(scenario(kill, power, failing)):
        for fault in case.faults:
            boot = case.boots[fault.boot]
            if boot is case.boots[-1]:
                assert boot.operations[-1].kind is OperationKind.CLOSE or not power_lost(boot)
                assert fault.call < len(boot.operations)
                ends[power_lost(boot)] += 1
    # Half of them would by themselves, and three in four of the others.
    assert ends[True] > 4 * ends[False] > 0


def test_the_last_boot_mostly_loses_its_power_where_a_sync_failed_in_an_earlier_one() -> None:
    kill, power = FaultPlan(), FaultPlan(kind=FaultKind.POWER)
    failing = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,), boots=BootSelector.FIRST)
    drawn = cases(scenario(kill, power, failing, boots=(2, 3)))
    ends = Counter(power_lost(case.boots[-1]) for case in drawn if case.faults)
    assert ends[True] > 3 * ends[False] > 0
    # Where no boot may be closed, those between are as they would be.
    between = Counter(power_lost(boot) for case in drawn for boot in case.boots[:-1])
    assert between[False] * 2 > between[True] > between[False] // 2


def test_the_power_mostly_stays_between_a_sync_that_failed_and_the_last_boot() -> None:
    kill, power = FaultPlan(), FaultPlan(kind=FaultKind.POWER)
    failing = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,))
    before: Counter[bool] = Counter()
    behind: Counter[bool] = Counter()
    for case in cases(scenario(kill, power, failing, boots=(3, 3), clean_close=30), 400):
        first = min((fault.boot for fault in case.faults), default=2)
        for number, boot in enumerate(case.boots[:-1]):
            (before if number < first else behind)[power_lost(boot)] += 1
            has_close = boot.operations[-1].kind is OperationKind.CLOSE
            assert power_lost(boot) or boot.crash is not None or has_close
    assert before[True] * 3 > before[False]
    assert behind[False] > 6 * behind[True] > 0


def test_where_the_last_boot_may_not_lose_the_power_earlier_ones_lose_it_behind_a_failed_sync() -> (
    None
):
    failing = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,), boots=BootSelector.FIRST)
    lost: Counter[BootSelector] = Counter()
    for boots in (BootSelector.FIRST, BootSelector.ANY):
        power = FaultPlan(kind=FaultKind.POWER, boots=boots)
        for case in cases(scenario(FaultPlan(), power, failing, boots=(2, 2), clean_close=30)):
            lost[boots] += bool(case.faults) and power_lost(case.boots[0])
    assert lost[BootSelector.FIRST] > 3 * lost[BootSelector.ANY] > 0


def test_a_kill_falls_later_in_a_last_boot_of_which_the_files_may_go_bad() -> None:
    def operations(*faults: FaultPlan) -> tuple[int, int]:
        drawn = cases(scenario(FaultPlan(), *faults, boots=(2, 2), operations=(20, 20)))
        first, last = (sum(len(case.boots[at].operations) for case in drawn) for at in (0, 1))
        return first // len(drawn), last // len(drawn)

    first, last = operations(FaultPlan(kind=FaultKind.ROT))
    assert last > first * 1.2
    first, last = operations(FaultPlan(kind=FaultKind.ROT, between_boots=True))
    assert last < first * 1.1


def test_what_no_memory_hides_changes_no_end_before_the_last() -> None:
    kill, power = FaultPlan(), FaultPlan(kind=FaultKind.POWER)
    slow = FaultPlan(kind=FaultKind.SLOW, calls=(FaultCall.FSYNC,))
    write = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.WRITE,))
    undone = FaultPlan(
        kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,), failed_sync=SyncFailure.REVERTED
    )
    for fault in (slow, write, undone):
        drawn = cases(scenario(kill, power, fault, boots=(3, 3), clean_close=30))
        ends = Counter(power_lost(boot) for case in drawn for boot in case.boots[:-1])
        assert ends[True] * 2.5 > ends[False]


def test_a_write_that_fails_and_a_scenario_without_power_losses_change_no_end() -> None:
    kill, power = FaultPlan(), FaultPlan(kind=FaultKind.POWER)
    write = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.WRITE,))
    drawn = [b for case in cases(scenario(kill, power, write), 50) for b in case.boots]
    assert not all(power_lost(boot) for boot in drawn if boot.crash is not None)
    failing = FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.FSYNC,))
    assert not any(power_lost(b) for case in cases(scenario(kill, failing), 50) for b in case.boots)


def power_lost(boot: BootPlan) -> bool:
    return boot.crash is not None and boot.crash.is_power_loss
