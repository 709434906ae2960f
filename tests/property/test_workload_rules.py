"""Every drawn case obeys the rules that the oracle and the runner rely on."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walcrash.minimise import workload as minimise_workload
from walcrash.scenario.file import find_scenarios, load_scenario
from walcrash.values.case_file import case_from_json, case_to_json
from walcrash.values.contract import Contract
from walcrash.values.event import EventKind
from walcrash.values.faults import (
    KEPT_SCALE,
    BootSelector,
    CrashPoint,
    Ending,
    FaultKind,
    FaultPlan,
    KillTimer,
    PowerLoss,
    class_of,
)
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.scenario import (
    FITTED_WORKLOAD,
    Budget,
    IdStyle,
    OperationMix,
    PhasePlan,
    RecoveryLimits,
    Scenario,
    SubjectSpec,
    WorkloadPlan,
)
from walcrash.values.verdict import Invariant
from walcrash.workload.draw import Profile, draw_case, draw_control, swarm_of
from walcrash.workload.fit import Fit
from walcrash.workload.swarm import LONGEST_PAYLOAD_BYTES

ROOT = Path(__file__).resolve().parents[2]
NAMES = [kind.value for kind in OperationKind] + [type_.value for type_ in RecordType]
KEYS = ["open", "reopen", "append PutOperation", "append MarkDone", "apply", "close", "tick"]
CAPABILITY = {
    OperationKind.SYNC: "sync",
    OperationKind.APPLY: "apply",
    OperationKind.TICK: "effects",
    OperationKind.COMPACT: "compact",
}

supports_sets = st.frozensets(st.sampled_from(sorted(CAPABILITY.values())))
ranges = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: tuple(sorted(pair)))
boot_ranges = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda pair: tuple(sorted(pair)))
mixes = st.fixed_dictionaries(
    {OperationMix.PUT: st.integers(1, 5)},
    optional={kind: st.integers(0, 5) for kind in OperationMix if kind is not OperationMix.PUT},
)
fault_plans = st.builds(
    FaultPlan,
    kind=st.sampled_from(FaultKind),
    weight=st.integers(1, 5),
    boots=st.sampled_from(BootSelector),
    operations=st.lists(st.sampled_from(NAMES), max_size=3).map(tuple),
    event=st.none() | st.sampled_from(EventKind),
    placements=st.lists(st.sampled_from(Placement), min_size=1, max_size=3).map(tuple),
    delay_us=ranges,
)
phase_plans = st.builds(
    PhasePlan,
    operations=st.none() | ranges,
    mix=st.none() | mixes,
    payload_bytes=st.none() | st.lists(st.integers(0, 300), min_size=1, max_size=3).map(tuple),
    clean_close=st.none() | st.integers(0, 100),
)
workload_plans = st.builds(
    WorkloadPlan,
    boots=boot_ranges,
    operations=ranges,
    mix=mixes,
    payload_bytes=st.lists(st.integers(0, 300), min_size=1, max_size=3).map(tuple),
    ids=st.sampled_from(IdStyle),
    clean_close=st.integers(0, 100),
    phases=st.lists(phase_plans, max_size=3).map(tuple),
)
scenarios = st.builds(
    lambda workload, faults: Scenario(
        name="random",
        summary="",
        path="",
        subject=SubjectSpec("reference"),
        contract=Contract(),
        workload=workload,
        faults=tuple(faults),
        invariants=frozenset(Invariant),
        budget=Budget(),
        limits=RecoveryLimits(),
    ),
    workload_plans,
    st.lists(fault_plans, min_size=1, max_size=3),
)
profiles = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 9)).map(
    lambda total: Profile({key: {EventKind.WRITE: count} for key, count in total.items()}, total)
)


def assert_records_obey_the_rules(case, *, has_second_marks=False):
    put, done, last_ts_ms = set(), set(), 0
    for boot in case.boots:
        for record in [each.record for each in boot.operations if each.record is not None]:
            assert record.ts_ms > last_ts_ms
            last_ts_ms = record.ts_ms
            if record.type is RecordType.PUT:
                assert record.id not in put
                assert (record.error, record.next_retry_at_ms) == ("", 0)
                put.add(record.id)
                continue
            assert record.id in put
            is_second = has_second_marks and record.type is RecordType.DONE
            assert is_second or record.id not in done
            assert record.payload == b""
            if record.type is RecordType.DONE:
                done.add(record.id)
            else:
                assert record.next_retry_at_ms > record.ts_ms


def assert_boots_obey_the_rules(case, scenario, supports):
    assert scenario.workload.boots[0] <= len(case.boots) or case.boots[-1].crash is None
    for number, boot in enumerate(case.boots):
        kinds = [each.kind for each in boot.operations]
        assert kinds[0] is OperationKind.OPEN
        assert OperationKind.OPEN not in kinds[1:]
        assert OperationKind.CLOSE not in kinds[:-1]
        assert all(CAPABILITY.get(kind) in (None, *supports) for kind in kinds)
        assert len(kinds) <= scenario.workload.in_boot(number).operations[1] + 4
        assert_replays_start_at_an_append(boot)
        assert_the_crash_is_right(boot)


def assert_replays_start_at_an_append(boot):
    for at, operation in enumerate(boot.operations):
        if operation.from_call is not None:
            assert operation.kind is OperationKind.REPLAY
            between = boot.operations[operation.from_call : at]
            assert between[0].kind is OperationKind.APPEND
            assert all(each.kind is not OperationKind.COMPACT for each in between)


def assert_the_crash_is_right(boot):
    if boot.crash is None:
        assert boot.operations[-1].kind is OperationKind.CLOSE
    elif isinstance(boot.crash, KillTimer):
        assert boot.crash.delay_us >= 0
    elif isinstance(boot.crash, PowerLoss):
        assert boot.operations[-1].kind is OperationKind.CLOSE
        assert boot.crash.images > 0
        assert not boot.crash.choice
    else:
        assert isinstance(boot.crash, CrashPoint)
        assert boot.crash.call == len(boot.operations) - 1
        assert boot.crash.ordinal >= 0
        assert 0 <= boot.crash.kept < KEPT_SCALE


def assert_selected(case, scenario):
    for number, boot in enumerate(case.boots):
        selectable = {BootSelector.ANY}
        selectable |= {BootSelector.FIRST} if number == 0 else {BootSelector.LATER}
        selectable |= {BootSelector.LAST} if boot is case.boots[-1] else set()
        endings = [fault for fault in scenario.faults if isinstance(class_of(fault), Ending)]
        possible = [fault for fault in endings if fault.boots in selectable]
        assert boot.crash is None or possible
        always = [fault for fault in possible if not fault.operations and fault.event is None]
        assert boot.crash is not None or boot is not case.boots[-1] or not always


@given(scenarios, supports_sets, profiles, st.integers(0, 2**64), st.integers(0, 1000))
def test_every_drawn_case_obeys_the_rules(scenario, supports, profile, seed, index):
    case = draw_case(scenario, supports=supports, profile=profile, master_seed=seed, index=index)
    assert_records_obey_the_rules(case)
    assert_boots_obey_the_rules(case, scenario, supports)
    assert_selected(case, scenario)
    assert case_from_json(case_to_json(case)) == case


fits = st.builds(
    Fit,
    frames=st.dictionaries(st.sampled_from(RecordType), st.integers(0, 9000)),
    scale=st.integers(1024, 4096),
    segment_bytes=st.sampled_from([0, 1, 100, 4096, 65_536, 10**7]),
    goes_beyond=st.booleans(),
    header_bytes=st.integers(0, 100),
    is_file_per_boot=st.booleans(),
    idle=st.frozensets(st.sampled_from(OperationKind)),
    takes_second_mark=st.booleans(),
    most_payload_bytes=st.sampled_from([0, 1, 900, 50_000]),
)


@given(scenarios, fits, supports_sets, profiles, st.integers(0, 2**64), st.integers(0, 1000))
@settings(max_examples=60)
def test_every_case_of_a_fitted_workload_obeys_the_rules(
    scenario, fit, supports, profile, seed, index
):
    fitted = replace(scenario, workload=FITTED_WORKLOAD)
    known = {"supports": supports, "profile": replace(profile, fit=fit), "master_seed": seed}
    case = draw_case(fitted, index=index, **known)
    plan = swarm_of(fitted, index=index, **known).workload
    assert not plan.is_fitted
    assert_records_obey_the_rules(case, has_second_marks=fit.takes_second_mark)
    assert_boots_obey_the_rules(case, replace(fitted, workload=plan), supports)
    assert_selected(case, fitted)
    most = fit.most_payload_bytes or LONGEST_PAYLOAD_BYTES
    sizes = [len(o.record.payload) for boot in case.boots for o in boot.operations if o.record]
    assert max(sizes, default=0) <= most
    assert case_from_json(case_to_json(case)) == case


@given(scenarios, supports_sets, st.text(max_size=8), st.integers(0, 1000))
@settings(max_examples=50)
def test_every_control_case_obeys_the_rules_and_never_crashes(scenario, supports, seed, index):
    case = draw_control(scenario, supports, seed, index)
    assert_records_obey_the_rules(case)
    assert all(boot.crash is None for boot in case.boots)
    assert all(boot.operations[-1].kind is OperationKind.CLOSE for boot in case.boots)
    assert case_from_json(case_to_json(case)) == case


@pytest.mark.parametrize("path", find_scenarios([]), ids=lambda path: path.stem)
def test_every_case_of_a_shipped_scenario_obeys_the_rules(path):
    scenario = load_scenario(path)
    supports = frozenset(CAPABILITY.values())
    for index in range(60):
        case = draw_case(
            scenario, supports=supports, profile=Profile(), master_seed="shipped", index=index
        )
        assert_records_obey_the_rules(case)
        assert_boots_obey_the_rules(case, scenario, supports)
        assert_selected(case, scenario)


DRAW = """
import hashlib, json
from walcrash.values.case_file import case_to_json
from walcrash.scenario.file import find_scenarios, load_scenario
from walcrash.scenario.file import find_scenarios, load_scenario
from walcrash.workload.draw import Profile, draw_case, draw_control
supports = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})
digest = hashlib.sha256()
for path in find_scenarios([]):
    scenario = load_scenario(path)
    drawn = [draw_control(scenario, supports, "s", 0)]
    drawn += [
        draw_case(scenario, supports=supports, profile=Profile(), master_seed="s", index=index)
        for index in range(10)
    ]
    digest.update(json.dumps([case_to_json(case) for case in drawn]).encode())
print(digest.hexdigest())
"""


def test_every_hash_seed_draws_the_same_cases():
    found = set()
    for hash_seed in ("0", "4242"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": str(ROOT / "harness"),
        }
        result = subprocess.run(
            [sys.executable, "-c", DRAW],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        found.add(result.stdout)
    assert len(found) == 1


def edits_of(case, data):
    """Return a few of the ways in which a case is made smaller."""
    places = minimise_workload.removable(case)
    kept = {place for place in places if data.draw(st.booleans())}
    boot = data.draw(st.integers(0, len(case.boots) - 1))
    found = [
        minimise_workload.keep(case, kept),
        minimise_workload.keep(case, minimise_workload.needed_for(case, kept)),
        minimise_workload.with_boots(case, range(boot, len(case.boots))),
        minimise_workload.with_boots(case, range(boot + 1)),
        minimise_workload.with_plain_ids(case),
        minimise_workload.with_plain_failures(case),
        minimise_workload.with_even_times(case),
        minimise_workload.with_payloads(case, b""),
        *(minimise_workload.with_done_for_failed(case, place) for place in places[:3]),
    ]
    if boot < len(case.boots) - 1:
        found += [
            minimise_workload.merged(case, boot),
            minimise_workload.with_crash(case, boot, None),
        ]
    return [edit for edit in found if edit is not None]


@given(scenarios, supports_sets, st.integers(0, 2**64), st.data())
def test_a_case_that_was_made_smaller_obeys_the_rules_too(scenario, supports, seed, data):
    case = draw_case(scenario, supports=supports, profile=Profile(), master_seed=seed, index=0)
    for edit in edits_of(case, data):
        smaller = edit.case
        assert_records_obey_the_rules(smaller)
        for boot in smaller.boots:
            assert boot.operations[0].kind is OperationKind.OPEN
            assert OperationKind.CLOSE not in [each.kind for each in boot.operations[:-1]]
            assert_replays_start_at_an_append(boot)
            assert_the_crash_is_right(boot)
        count = len(minimise_workload.removable(case))
        assert len(minimise_workload.removable(smaller)) <= count
        assert case_from_json(case_to_json(smaller)) == smaller
        assert len(edit.boots) == len(edit.calls) == len(smaller.boots)


@given(scenarios, st.integers(0, 2**64), st.data())
def test_a_call_that_is_kept_is_where_the_edit_says(scenario, seed, data):
    supports = frozenset(CAPABILITY.values())
    case = draw_case(scenario, supports=supports, profile=Profile(), master_seed=seed, index=0)
    for edit in edits_of(case, data):
        for number, (old, calls) in enumerate(zip(edit.boots, edit.calls, strict=True)):
            for before, after in calls.items():
                was = case.boots[old].operations[before]
                now = edit.case.boots[number].operations[after]
                assert was.kind is now.kind
                if was.record is not None and was.record.type is RecordType.PUT:
                    assert now.record.type is RecordType.PUT
