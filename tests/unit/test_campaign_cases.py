"""A scenario's cases: how many there are, and each way in which they end."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar, cast

import pytest
from test_campaign_search_tally import cell, state

from walcrash.campaign import jobs
from walcrash.campaign import pool as pool_module
from walcrash.campaign.cases import BATCH_CASES, ScenarioCases
from walcrash.campaign.jobs import Batch
from walcrash.campaign.plan import CampaignPlan, case_counts
from walcrash.campaign.pool import JobPool
from walcrash.campaign.preparation import Prepared
from walcrash.campaign.search_tally import NOTHING_NEW_CASES
from walcrash.campaign.stop import Quiet, Stop
from walcrash.campaign.tally import Group, Tally
from walcrash.campaign.time_budget import Costs, TimeBudget
from walcrash.case.deadline import TimeOver
from walcrash.case.outcome import CaseOutcome
from walcrash.scenario.file import load_scenario
from walcrash.subjects.messages import Description
from walcrash.values.cell import SearchTotals
from walcrash.values.contract import Contract, PersistenceModel
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.log import FewCases, StopReason
from walcrash.values.scenario import DEFAULT_CASES, Budget, Scenario, SubjectSpec
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
T = TypeVar("T")


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
                settle=lambda: 0.0,
            )
            for each in cases.outcomes():
                tally.add(each)
            return tally, stop

        yield run


FITTED = replace(SCENARIO, workload=replace(SCENARIO.workload, is_fitted=True))
DRIVER = replace(FITTED, subject=SubjectSpec.of_driver(["driver"]))
LATE = StopReason.TIME_OVER


@pytest.mark.parametrize(
    ("asked", "reason", "done", "seconds"),
    [
        (plan(with_budget(), seconds=HOUR), LATE, 3, True),
        (plan(FITTED, seconds=HOUR), LATE, 29, True),
        (plan(FITTED, seconds=HOUR), LATE, 30, None),
        # More time brings no more cases than were asked for.
        (plan(FITTED, seconds=HOUR, cases=9), LATE, 3, False),
        (plan(FITTED, cases=9), None, 9, False),
        (plan(with_budget(cases=9)), None, 9, None),
        (plan(FITTED, only_case=3), None, 1, None),
        (plan(FITTED), StopReason.NOTHING_NEW, 9, None),
        (plan(FITTED), StopReason.INTERRUPTED, 9, None),
        (plan(FITTED, seconds=HOUR), LATE, 0, None),
    ],
)
def test_few_cases_are_told_unless_they_are_what_there_is_or_was_asked_for(
    asked: CampaignPlan, reason: StopReason | None, done: int, seconds: bool | None
) -> None:
    few = few_of(asked, reason, done)
    if seconds is None:
        assert few is None
    else:
        assert few is not None
        assert (few.done, few.of, few.seconds > 0) == (done, 30, seconds)


def test_drivers_that_each_recovery_starts_are_told_where_cases_are_few() -> None:
    def is_restarted(scenario: Scenario, *supports: str) -> bool:
        few = few_of(plan(scenario, seconds=HOUR), LATE, 1, *supports)
        assert few is not None
        return few.is_restarted

    assert is_restarted(DRIVER, "sync")
    assert not is_restarted(DRIVER, "reopen")
    assert not is_restarted(FITTED)


def few_of(
    asked: CampaignPlan, reason: StopReason | None, done: int, *supports: str
) -> FewCases | None:
    tally = Tally(asked.scenarios[0], "1")
    for index in range(done):
        tally.add(outcome(index, new_state(index)))
    description = Description(contract=Contract(), supports=frozenset(supports))
    with JobPool(ThreadPoolExecutor, 1) as pool:
        cases = ScenarioCases(
            plan=asked,
            pool=pool,
            tally=tally,
            prepared=replace(PREPARED, description=description),
            budget=TimeBudget.lasting(HOUR),
            stop=Stop(),
            began=0.0,
            reason=reason,
            settle=lambda: 0.0,
            spent=20.0,
        )
        return cases.few()


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


Fails = Callable[[int], str]


@pytest.mark.parametrize(
    ("fails", "settled"),
    [
        # Nothing failed: all the time is for cases.
        (lambda _: "", []),
        # What failed first is seen to in the last quarter, and all that this leaves is for cases.
        (lambda index: "first" if index in (10, 40, 82) else "", [(75, 81)]),
        # What fails for the first time after that has the time that the first took.
        (lambda index: {10: "first", 82: "other"}.get(index, ""), [(75, 81), (87, 95)]),
    ],
)
def test_the_time_that_what_was_found_does_not_need_goes_back_to_cases(
    fails: Fails, settled: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, budget_seconds, case_seconds, settle_seconds = [0.0], 100.0, 1.0, 5.0
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pool_module, "run_until", lambda _, work: work())

    def run_batch(batch: Batch) -> list[CaseOutcome]:
        if batch.begun_until is not None and now[0] >= batch.begun_until:
            return []
        now[0] += case_seconds
        return [outcome(index, new_state(index)) for index in batch.indices]

    begun: list[float] = []

    def settle() -> float:
        if not tally.has_new_groups:
            return 0.0
        begun.append(now[0])
        now[0] += settle_seconds
        for group in tally.groups.values():
            group.is_minimised = True
        return settle_seconds

    monkeypatch.setattr(jobs, "run_batch", run_batch)
    tally, stop = Tally(with_budget(), "1"), Stop()
    slow = Costs(job_seconds=6.0, controls=3, starts=15, recoveries=12)
    with JobPool(lambda _: AtOnce(), 1) as pool:
        cases = ScenarioCases(
            plan=plan(with_budget(), jobs=1, seconds=budget_seconds),
            pool=pool,
            tally=tally,
            prepared=replace(PREPARED, costs=slow),
            budget=TimeBudget.lasting(budget_seconds),
            stop=stop,
            began=0.0,
            settle=settle,
        )
        indices = []
        for each in cases.outcomes():
            indices.append(each.index)
            tally.add(each)
            if name := fails(each.index):
                tally.groups.setdefault(name, Group(each))
    assert indices == list(range(len(indices)))
    assert len(begun) == len(settled)
    for at, (earliest, latest) in zip(begun, settled, strict=True):
        assert earliest <= at <= latest
    # At most what was handed out when the time for cases was over is lost.
    lost = 3 * (len(settled) + 1)
    assert len(indices) >= budget_seconds - settle_seconds * len(settled) - lost
    assert budget_seconds - 2 <= now[0] <= budget_seconds + 2
    assert stop.reason is StopReason.TIME_OVER


class AtOnce(Executor):
    """Does what it is given at once, so that a clock of its own goes on in one order."""

    def submit(
        self, function: Callable[..., T], /, *arguments: object, **named: object
    ) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except TimeOver as over:
            future.set_exception(over)
        return future


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
