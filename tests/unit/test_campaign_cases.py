"""A scenario's cases: how many there are, and each way in which they end."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from test_campaign_search_tally import cell, state

from walcrash.campaign import jobs
from walcrash.campaign.cases import BATCH_CASES, ScenarioCases
from walcrash.campaign.jobs import Batch
from walcrash.campaign.plan import CampaignPlan, case_counts
from walcrash.campaign.pool import JobPool
from walcrash.campaign.preparation import Prepared
from walcrash.campaign.search_tally import NOTHING_NEW_CASES
from walcrash.campaign.stop import Quiet, Stop
from walcrash.campaign.tally import Tally
from walcrash.campaign.time_budget import Costs, TimeBudget
from walcrash.case.outcome import CaseOutcome
from walcrash.scenario.file import load_scenario
from walcrash.subjects.messages import Description
from walcrash.values.cell import SearchTotals
from walcrash.values.contract import Contract, PersistenceModel
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.log import StopReason
from walcrash.values.scenario import DEFAULT_CASES, Budget, Scenario
from walcrash.values.verdict import Verdict
from walcrash.workload.profile import Profile

SCENARIO = load_scenario(Path(__file__).parents[2] / "scenarios" / "quickstart.toml")
PREPARED = Prepared(
    description=Description(contract=Contract(), supports=frozenset()),
    profile=Profile(),
    controls=(),
    costs=Costs(),
)
HOUR = 3600.0


def plan(scenario: Scenario = SCENARIO, **changes: object) -> CampaignPlan:
    fields: dict[str, object] = {
        "scenarios": (scenario,),
        "master_seed": "1",
        "jobs": 2,
        "cases": None,
        "seconds": None,
        "only_case": None,
        "runs": Path("unused"),
    }
    return CampaignPlan(**{**fields, **changes})  # type: ignore[arg-type]


def with_budget(**fields: object) -> Scenario:
    return replace(SCENARIO, budget=Budget(**fields))  # type: ignore[arg-type]


def outcome(index: int, search: SearchTotals) -> CaseOutcome:
    return CaseOutcome(
        index=index,
        seed=0,
        boots=(),
        recoveries=0,
        verdict=Verdict.PASS,
        violations=(),
        landings=(),
        judged=frozenset(),
        unjudged=(),
        operations=0,
        doubt="",
        outside=(),
        model=PersistenceModel.KILL,
        coverage=None,
        stored=None,
        search=search,
    )


Search = Callable[[int], SearchTotals]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Tally, Stop]]]:
    """Return what runs cases that search as they are told, and gives the tally and the stop."""
    with JobPool(ThreadPoolExecutor, 2) as pool:

        def run(asked: CampaignPlan, search: Search) -> tuple[Tally, Stop]:
            def run_batch(batch: Batch) -> list[CaseOutcome]:
                return [outcome(index, search(index)) for index in batch.indices]

            monkeypatch.setattr(jobs, "run_batch", run_batch)
            tally, stop = Tally(asked.scenarios[0], "1"), Stop()
            cases = ScenarioCases(
                plan=asked,
                pool=pool,
                tally=tally,
                prepared=PREPARED,
                budget=TimeBudget.lasting(None),
                stop=stop,
                began=0.0,
            )
            for each in cases.outcomes():
                tally.add(each)
            return tally, stop

        yield run


def new_state(index: int) -> SearchTotals:
    return SearchTotals(states=(state(index),), cells=((cell(), 1),))


def same_state(_index: int) -> SearchTotals:
    return SearchTotals(states=(state(0),), cells=((cell(), 1),), is_exhausted=True)


@pytest.mark.parametrize(
    ("budget", "asked", "count"),
    [
        (Budget(), {}, DEFAULT_CASES),
        (Budget(cases=7), {}, 7),
        (Budget(cases=7), {"cases": 3}, 3),
        (Budget(cases=7), {"only_case": 5}, 1),
        (Budget(cases=7), {"seconds": HOUR}, 7),
        (Budget(cases=7), {"seconds": HOUR, "cases": 9}, 9),
        (Budget(cases=7, seconds=HOUR), {}, 7),
        (Budget(), {"seconds": HOUR}, None),
        (Budget(seconds=HOUR), {}, None),
        (Budget(seconds=HOUR), {"cases": 4}, 4),
        (Budget(cases=7), {"quiet_seconds": HOUR}, None),
        (Budget(cases=7), {"quiet_seconds": HOUR, "cases": 4}, 4),
    ],
)
def test_time_is_used_up_unless_cases_are_asked_for_or_stated(
    budget: Budget, asked: dict[str, object], count: int | None
) -> None:
    made = plan(replace(SCENARIO, budget=budget), **asked)
    assert case_counts(made) == {SCENARIO.name: count}
    expected = CASES_PER_SCENARIO if count is None else count
    assert made.most_cases(made.scenarios[0]) == expected


def test_cases_end_with_their_number(run: Callable[..., tuple[Tally, Stop]]) -> None:
    tally, stop = run(plan(with_budget(cases=21)), new_state)
    assert (tally.cases, stop.reason) == (21, None)


def test_cases_end_where_no_state_is_left_that_is_new_also_in_the_middle_of_a_batch(
    run: Callable[..., tuple[Tally, Stop]],
) -> None:
    tally, stop = run(plan(with_budget(cases=500)), same_state)
    assert (tally.cases, stop.reason) == (NOTHING_NEW_CASES + 1, StopReason.NOTHING_NEW)
    assert tally.cases % BATCH_CASES


def test_cases_that_were_asked_for_by_number_are_all_run(
    run: Callable[..., tuple[Tally, Stop]],
) -> None:
    tally, stop = run(plan(cases=100), same_state)
    assert (tally.cases, stop.reason) == (100, None)


def test_cases_end_when_nothing_new_came_for_as_long_as_was_asked(
    run: Callable[..., tuple[Tally, Stop]],
) -> None:
    tally, stop = run(plan(with_budget(cases=7), quiet_seconds=1e-9), same_state)
    assert stop.reason is StopReason.QUIET
    assert 0 < tally.cases < CASES_PER_SCENARIO


def test_it_is_quiet_when_what_is_known_has_not_grown_for_so_long() -> None:
    now = SimpleNamespace(seconds=0.0)
    quiet = Quiet(10.0, clock=lambda: cast("float", now.seconds))
    found = []
    for seconds, known in [(9.0, 0), (9.5, 1), (19.0, 1), (19.4, 2), (29.3, 2), (29.4, 2)]:
        now.seconds = seconds
        found.append(quiet.is_over(known))
    assert found == [False] * 5 + [True]
    assert not Quiet(None, clock=lambda: HOUR).is_over(0)


def test_of_several_reasons_to_stop_what_was_cut_is_told() -> None:
    stop = Stop()
    for reason, told in [
        (StopReason.CASES_DONE, None),
        (StopReason.NOTHING_NEW, StopReason.NOTHING_NEW),
        (StopReason.QUIET, StopReason.QUIET),
        (StopReason.NOTHING_NEW, StopReason.QUIET),
        (StopReason.TIME_OVER, StopReason.TIME_OVER),
        (StopReason.QUIET, StopReason.TIME_OVER),
    ]:
        stop.note(reason)
        assert stop.reason is told
    stop.interrupt()
    stop.note(StopReason.TIME_OVER)
    assert (stop.reason, stop.is_now) == (StopReason.INTERRUPTED, True)
