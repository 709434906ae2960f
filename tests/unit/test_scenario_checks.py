"""Scenarios that would test less than their author thinks are refused."""

import pytest

from walcrash.scenario.problems import problems_of


def problems(*, faults, workload=None, contract=None):
    document = {
        "format": 1,
        "name": "x",
        "summary": "x",
        "subject": {"adapter": "reference"},
        "faults": [{"kind": "kill", **fault} for fault in faults],
    }
    document |= {"workload": workload} if workload is not None else {}
    document |= {"contract": contract} if contract is not None else {}
    return [(problem.path, problem.hint) for problem in problems_of(document)]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("compact", "compact"),
        ("apply", "apply"),
        ("sync", "sync"),
        ("tick", "tick"),
        ("replay", "replay"),
        ("MarkDone", "done"),
        ("MarkFailed", "failed"),
    ],
)
def test_a_fault_in_an_operation_that_the_mix_never_draws_is_refused(name, key):
    found = problems(faults=[{"operations": [name]}], workload={"mix": {"put": 1}})
    assert found == [
        (
            ("faults", 0, "operations", 0),
            f"write `{key} = 1` in [workload.mix], or take `{name}` out of the fault",
        )
    ]
    assert problems(faults=[{"operations": [name]}], workload={"mix": {"put": 1, key: 1}}) == []


@pytest.mark.parametrize("name", ["open", "close", "append", "PutOperation"])
def test_a_fault_in_an_operation_that_always_happens_is_right(name):
    assert problems(faults=[{"operations": [name]}], workload={"mix": {"put": 1}}) == []


def test_a_fault_of_later_boots_needs_a_second_boot():
    faults = [{"boots": "later"}, {}]
    one_boot = problems(faults=faults, workload={"boots": 1})
    assert one_boot == [(("faults", 0, "boots"), "write `boots = 2` in [workload]")]
    assert problems(faults=faults, workload={"boots": [1, 2]}) == []
    # A workload that is not stated fits the subject, and has more boots in many cases.
    assert problems(faults=faults) == []


def test_only_later_faults_and_a_case_of_one_boot_would_test_nothing():
    found = problems(faults=[{"boots": "later"}], workload={"boots": [1, 3]})
    assert found == [(("workload", "boots"), "write `boots = [2, 3]`")]
    assert problems(faults=[{"boots": "later"}], workload={"boots": 2}) == []


def test_within_is_refused_for_an_event_that_is_not_a_write():
    found = problems(faults=[{"event": "fsync", "placements": ["before", "within"]}])
    assert [path for path, _ in found] == [("faults", 0, "placements")]
    assert problems(faults=[{"event": "fsync"}]) == []
    assert problems(faults=[{"event": "write", "placements": ["within"]}]) == []


def test_an_effect_is_looked_for_in_ticks_only():
    mix = {"put": 1, "tick": 1}
    found = problems(faults=[{"event": "effect", "operations": ["append"]}], workload={"mix": mix})
    assert found == [(("faults", 0, "event"), 'write `operations = ["tick"]`')]
    assert problems(faults=[{"event": "effect"}], workload={"mix": mix}) == []
    found = problems(faults=[{"event": "effect"}], workload={"mix": {"put": 1}})
    assert [path for path, _ in found] == [("faults", 0, "event")]


def test_a_timer_has_a_delay_and_no_event_and_a_kill_the_other_way_round():
    timer = {
        "kind": "kill-timer",
        "event": "write",
        "operations": ["append"],
        "placements": ["before"],
    }
    assert [path[-1] for path, _ in problems(faults=[timer])] == [
        "operations",
        "event",
        "placements",
    ]
    assert [path[-1] for path, _ in problems(faults=[{"delay_us": 3}])] == ["delay_us"]


def test_without_puts_nothing_is_tested():
    found = problems(faults=[{}], workload={"mix": {"sync": 1}})
    assert found == [(("workload", "mix"), "write `put = 5` in [workload.mix]")]


def test_a_promise_by_sync_needs_syncs():
    contract = {"acknowledges": "sync"}
    found = problems(faults=[{}], workload={"mix": {"put": 1}}, contract=contract)
    assert found == [(("contract", "acknowledges"), "write `sync = 1` in [workload.mix]")]
    mix = {"put": 1, "sync": 1}
    assert problems(faults=[{}], workload={"mix": mix}, contract=contract) == []
    prefix = {**contract, "kill": "prefix"}
    assert problems(faults=[{}], workload={"mix": {"put": 1}}, contract=prefix) == []


def test_a_broken_fault_does_not_hide_what_is_wrong_with_another():
    found = problems(faults=[{"weight": 0}, {"boots": "later"}], workload={"boots": 1})
    assert [path for path, _ in found] == [("faults", 0, "weight"), ("faults", 1, "boots")]


def test_an_operation_that_only_one_phase_draws_can_be_hit_and_more_phases_than_boots_cannot():
    phases = [{}, {"mix": {"put": 1, "compact": 1}}]
    workload = {"boots": 2, "mix": {"put": 1}, "phases": phases}
    assert problems(faults=[{"operations": ["compact"]}], workload=workload) == []
    found = problems(faults=[{}], workload=workload | {"boots": [1, 1]})
    assert found == [(("workload", "phases", 1), "write `boots = 2` in [workload]")]


def test_a_wrong_key_in_a_phase_is_told_at_its_place():
    workload = {"boots": 2, "phases": [{}, {"payload": [1]}, {"mix": {"put": -1}}]}
    assert [path for path, _ in problems(faults=[{}], workload=workload)] == [
        ("workload", "phases", 1, "payload"),
        ("workload", "phases", 2, "mix", "put"),
    ]
