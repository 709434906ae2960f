"""Turns: each call that the control cases made fails with each error in a case of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from walcrash.campaign.plan import CampaignPlan
from walcrash.scenario.file import load_scenario
from walcrash.values.case import BootPlan, Case
from walcrash.values.errors import ScenarioError
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import (
    ERRORS,
    CallError,
    ErrorName,
    FaultCall,
    FaultKind,
    FaultPlan,
    ShortTransfer,
    SlowCall,
)
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.scenario import Scenario
from walcrash.workload.draw import draw_case, draw_control, operation_key
from walcrash.workload.profile import Profile
from walcrash.workload.turns import Turn, turns_of

EACH = FaultPlan(kind=FaultKind.ERROR, in_turn=True)
SHORT = FaultPlan(kind=FaultKind.SHORT, in_turn=True)
SUPPORTS = frozenset({"apply", "compact", "sync", "effects"})
SHIPPED = load_scenario(Path(__file__).parents[2] / "scenarios" / "error-each.toml")


def scenario(*faults: FaultPlan) -> Scenario:
    return replace(SHIPPED, faults=faults)


def profile_of(of: Scenario) -> Profile:
    """Return the profile of a made-up log: each append is a write and a sync, an apply a rename."""
    profiles = []
    for index in range(3):
        boots = draw_control(of, SUPPORTS, "s", index).boots
        profiles.append(Profile.of([(b, trace(b)) for b in boots], control=index))
    return Profile.merged(profiles)


def trace(boot: BootPlan) -> list[Event]:
    events = []
    for call, operation in enumerate(boot.operations):
        kinds = {
            "append": [(EventKind.WRITE, "wal-3.log"), (EventKind.FDATASYNC, "wal-3.log")],
            "apply": [(EventKind.RENAME, "a#b[1].tmp")],
        }.get(operation.kind.value, [])
        events += [Event(kind=kind, call=call, path=path) for kind, path in kinds]
    return events


def cases(of: Scenario, count: int) -> list[Case]:
    profile = profile_of(of)
    return [
        draw_case(of, supports=SUPPORTS, profile=profile, master_seed="s", index=index)
        for index in range(count)
    ]


def named(turn: Turn) -> tuple[str, FaultCall, str, ErrorName | None]:
    return turn.key, turn.on, turn.role, turn.error


def test_every_call_has_every_error_and_each_has_its_first_one_first() -> None:
    turns = [named(turn) for turn in turns_of((EACH,), profile_of(scenario(EACH)))]
    appends = [f"append {record}" for record in ("MarkDone", "MarkFailed", "PutOperation")]
    places = [
        *((key, on, "wal-#.log") for key in appends for on in (FaultCall.WRITE, FaultCall.FSYNC)),
        ("apply", FaultCall.RENAME, "a\\#b[#].tmp"),
    ]
    assert sorted(map(str, turns)) == sorted(
        str((*place, error)) for place in places for error in ERRORS[place[1]]
    )
    assert {error for *_, error in turns[: len(places)]} == {ErrorName.EIO}


def test_a_plan_names_what_has_its_turn() -> None:
    profile = profile_of(scenario(EACH))

    def turns(**changes: object) -> list[tuple[object, ...]]:
        return [named(turn) for turn in turns_of((replace(EACH, **changes),), profile)]  # type: ignore[arg-type]

    sync = {"calls": (FaultCall.FSYNC,), "errors": (ErrorName.EIO,)}
    assert len(turns(**sync)) == 3
    assert turns(**sync, operations=("MarkDone",)) == [
        ("append MarkDone", FaultCall.FSYNC, "wal-#.log", ErrorName.EIO)
    ]
    assert turns(**sync, files="*.tmp") == []
    assert turns(calls=(FaultCall.RENAME,), operations=("append",)) == []
    # No trace shows a read, so that any operation may make one.
    reads = turns(calls=(FaultCall.READ,), errors=(ErrorName.EIO,))
    assert {key for key, *_ in reads} >= {"open", "reopen", "apply"}
    assert turns_of((FaultPlan(kind=FaultKind.ERROR),), profile) == ()


def test_each_call_that_may_be_slow_has_one_turn() -> None:
    plan = FaultPlan(kind=FaultKind.SLOW, in_turn=True, delay_ms=(7, 7), times=None)
    of = scenario(plan, FaultPlan())
    turns = turns_of(of.faults, profile_of(of))
    appends = [f"append {record}" for record in ("MarkDone", "MarkFailed", "PutOperation")]
    assert [named(turn) for turn in turns] == [
        (key, FaultCall.FSYNC, "wal-#.log", None) for key in appends
    ]
    every = turns_of((replace(plan, calls=(FaultCall.FSYNC, FaultCall.RENAME)),), profile_of(of))
    assert len(every) == len(appends) + 1
    for turn, case in zip(turns, cases(of, len(turns)), strict=True):
        (fault,) = case.faults
        assert isinstance(fault, SlowCall)
        assert (fault.delay_ms, fault.times) == (7, None)
        operation = case.boots[fault.boot].operations[fault.call]
        assert operation_key(operation, is_first_boot=fault.boot == 0) == turn.key


def test_a_case_has_the_fault_of_its_turn_in_an_operation_that_makes_the_call() -> None:
    of = scenario(EACH, SHORT, FaultPlan(), FaultPlan(kind=FaultKind.POWER))
    turns = turns_of(of.faults, profile_of(of))
    # Once like a control, then drawn.
    for index, case in enumerate(cases(of, 2 * len(turns))):
        turn = turns[index % len(turns)]
        (fault,) = case.faults
        operation = case.boots[fault.boot].operations[fault.call]
        assert operation_key(operation, is_first_boot=fault.boot == 0) == turn.key
        if turn.error is None:
            assert isinstance(fault, ShortTransfer)
        else:
            assert isinstance(fault, CallError)
            assert fault.error is turn.error
        path = "a#b[1].tmp" if turn.on is FaultCall.RENAME else "wal-3.log"
        kind = next(iter(turn.on.kinds))
        assert fault.matches(kind, path)
        assert not fault.matches(kind, "other")
        ids = [o.record.id for b in case.boots for o in b.operations if o.record]
        puts = {id_ for id_ in ids if id_.startswith("op-")}
        assert len(puts) == max(int(id_[3:]) for id_ in puts), "no id is left out or taken twice"


def test_other_faults_are_drawn_when_all_had_their_turn() -> None:
    of = scenario(EACH, FaultPlan(kind=FaultKind.QUOTA))
    count = len(turns_of(of.faults, profile_of(of)))
    kinds = [{type(fault).__name__ for fault in case.faults} for case in cases(of, count + 60)]
    assert all(kind == {"CallError"} for kind in kinds[:count])
    assert {"Quota"} in kinds[count:]


def test_turns_end_a_scenario_that_states_no_cases() -> None:
    plan = CampaignPlan(
        scenarios=(SHIPPED,), master_seed="s", jobs=1, cases=None, seconds=None, only_case=None,
        runs=Path("runs"),
    )  # fmt: skip
    assert plan.most_cases(SHIPPED) == CASES_PER_SCENARIO
    assert replace(plan, cases=7).most_cases(SHIPPED) == 7
    assert plan.most_cases(replace(SHIPPED, faults=(FaultPlan(),))) == 200


def test_only_calls_have_turns(tmp_path: Path) -> None:
    path = tmp_path / "made-up.toml"
    path.write_text(
        'format = 1\nname = "made-up"\nsummary = "s"\n[subject]\nadapter = "reference"\n'
        '[[faults]]\nkind = "kill"\nin_turn = true\n'
    )
    with pytest.raises(ScenarioError, match="in_turn"):
        load_scenario(path)
