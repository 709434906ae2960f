"""Time budgets: who gets how much, what is said where it is not enough, where no clock counts."""

import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from bundles import small_bundle
from test_citations import PACKAGE

from walcrash.campaign.jobs import make_executor
from walcrash.campaign.pool import JobPool
from walcrash.campaign.time_budget import Costs, TimeBudget, cuts_text, no_case_text
from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import NO_DEADLINE, Deadline, TimeOver
from walcrash.minimise import job
from walcrash.minimise.search import Minimised
from walcrash.minimise.trial import RunCase, starts_of
from walcrash.scenario.file import load_scenario
from walcrash.values.faults import FaultKind, FaultPlan
from walcrash.values.log import CutWork, TimeCut
from walcrash.values.verdict import Invariant

SCENARIO = load_scenario(Path(__file__).parents[2] / "scenarios" / "quickstart.toml")
FAR = 1e6
"""Seconds that no test takes."""

CLOCKS = {
    "campaign/campaign.py": "when a time budget ends, and how long a state says that it ran",
    "campaign/cases.py": "how long a state says that it ran",
    "campaign/control_work.py": "what preparing cost",
    "campaign/jobs.py": "no case begins behind a time budget",
    "campaign/pool.py": "how long what is under way may go on behind a time budget",
    "campaign/sightings.py": "how long a finding is tried on a real file system, when asked",
    "campaign/stop.py": "a time budget, and `--until-quiet`",
    "campaign/time_budget.py": "it shares the time that there is",
    "case/deadline.py": "asks only where there is a time budget",
    "case/plane.py": "how long a session with a real file system may be silent, then inconclusive",
    "case/recoverer.py": "the time limit of one recovery, which is a verdict: it hangs",
    "case/growth.py": "how often a directory is measured that a recovery may fill",
}
"""Where the rooms that decide what is found and how it is named look at a clock, and why."""


def test_what_is_found_and_how_it_is_named_depends_on_no_clock() -> None:
    rooms = ("campaign", "case", "minimise", "disk", "oracle", "workload")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for room in rooms
        for path in (PACKAGE / room).rglob("*.py")
        if re.search(r"\btime\.(monotonic|time|perf_counter)", path.read_text(encoding="utf-8"))
    }
    assert found == set(CLOCKS)


@pytest.mark.parametrize("is_counted", [True, False])
def test_cases_that_are_asked_for_by_number_have_no_clock(is_counted: bool) -> None:
    scenario = replace(SCENARIO, budget=replace(SCENARIO.budget, seconds=FAR))
    budget = TimeBudget.of(scenario, end=None, scenarios_left=1, is_counted=is_counted, used=0.0)
    assert (budget.at is None) is is_counted
    end = time.monotonic() + FAR
    asked = TimeBudget.of(scenario, end=end, scenarios_left=2, is_counted=is_counted, used=0.0)
    assert asked.at is not None
    assert asked.at < end - FAR / 3
    assert TimeBudget.lasting(None).for_cases() is NO_DEADLINE


def test_minimising_leaves_what_replays_cost_and_no_more_than_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    budget = TimeBudget.lasting(50.0)
    ends = [budget.for_minimising(replay_seconds=each).at for each in (5.0, 40.0, 0.0)]
    assert ends == [1044.0, 1030.0, 1030.0]
    assert TimeBudget.lasting(None).for_minimising(replay_seconds=5.0) is NO_DEADLINE
    # Two boots and four recoveries, of 400 ms.
    costs = Costs(job_seconds=6.0, controls=3, starts=15, recoveries=12)
    assert costs.replay_seconds(2) == pytest.approx(2.4)


def test_cases_that_go_on_leave_what_the_findings_so_far_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    budget = TimeBudget.lasting(100.0)
    seconds = (None, 5.0, 90.0)
    ends = [budget.for_cases(finding_seconds=each).name_until for each in seconds]
    assert ends == [1075.0, 1094.0, 1050.0]
    now[0] = 1090.0
    assert [budget.fits(each) for each in (0.0, 9.9, 10.1)] == [True, True, False]
    now[0] = 1099.5
    assert not budget.fits(0.0)


def test_minimising_ends_before_its_deadline_by_what_watching_a_recovery_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle, now, ends = small_bundle(), [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    sandbox = SimpleNamespace(deadline=Deadline(at=1100.0))
    start_seconds = 0.5

    def run_case(*_: object, **__: object) -> CaseRun:
        ends.append(sandbox.deadline.at)
        now[0] += start_seconds * starts_of(bundle.evidence.run)
        return bundle.evidence.run

    def minimised(run: RunCase, *_: object, **__: object) -> Minimised:
        run(bundle.stored)
        run(bundle.stored)
        return Minimised(run=None, tries=1, is_finished=False, is_late=True)

    monkeypatch.setattr(job, "job_sandbox", lambda: sandbox)
    monkeypatch.setattr(job, "run_case", run_case)
    monkeypatch.setattr(job, "minimise", minimised)
    made = job.minimise_case(bundle.stored, Invariant.LOST_PUT, is_portability=False)
    assert ends == [1100.0, 1100.0 - job.WATCHED_STARTS * start_seconds]
    assert (sandbox.deadline.at, made.own) == (1100.0, bundle.stored)


def test_a_failure_is_named_before_the_time_of_its_case_is_over() -> None:
    deadline = TimeBudget.lasting(FAR).for_cases()
    assert deadline.at is not None
    assert deadline.name_until is not None
    assert deadline.name_until < deadline.at
    now = time.monotonic()
    late = Deadline(at=now + FAR, name_until=now)
    assert (late.is_over, late.is_naming_over) == (False, True)
    assert late.within(1.0) == 1.0
    over = Deadline(at=now)
    assert over.within(60.0) < 1.0
    with pytest.raises(TimeOver):
        over.check()


def test_work_that_does_not_end_with_its_deadline_is_ended_and_others_take_its_place() -> None:
    with JobPool(make_executor, 1) as pool:
        pool.deadline = TimeBudget.lasting(0.2).part(1.0)
        futures = [pool.submit(time.sleep, FAR) for _ in range(2)]
        for future in futures:
            with pytest.raises(TimeOver):
                pool.result(future)
        with pytest.raises(TimeOver):
            pool.result(pool.submit(abs, -1))
        pool.deadline = NO_DEADLINE
        assert pool.result(pool.submit(abs, -1)) == 1


def test_where_no_case_was_run_the_reason_says_what_took_the_time_and_how_much_is_needed() -> None:
    costs = Costs(
        load_seconds=0.5,
        control_seconds=6.0,
        job_seconds=6.0,
        controls=3,
        starts=15,
        recoveries=12,
    )
    text = no_case_text(SCENARIO, costs, controls=3, seconds=10.0)
    # Three boots at most and four recoveries, of 400 ms: 2.8 s on top of what it took, and a fifth.
    assert "3 cases without a crash 6.0 s, all else 3.5 s" in text
    assert "a start of the subject takes 400 ms, a first case about 2.8 s" in text
    assert "About 16 s are needed" in text
    half = replace(costs, control_seconds=4.0, job_seconds=4.0, controls=2, starts=10, recoveries=8)
    text = no_case_text(SCENARIO, half, controls=3, seconds=5.0)
    assert "2 of 3 cases without a crash 4.0 s;" in text
    assert "About 12 s are needed" in text
    text = no_case_text(SCENARIO, Costs(load_seconds=2.0), controls=3, seconds=5.0)
    assert "before the first of 3 cases without a crash had ended" in text
    assert "loading the subject took 2.0 s" in text


def test_a_first_case_is_not_asked_the_time_of_all_images_of_a_power_loss() -> None:
    costs = Costs(
        load_seconds=0.9,
        control_seconds=21.7,
        job_seconds=24.0,
        controls=4,
        starts=31,
        recoveries=20,
    )
    faults = (FaultPlan(kind=FaultKind.KILL), FaultPlan(kind=FaultKind.POWER))
    scenario = replace(SCENARIO, faults=faults)
    # It has twelve images, a kill one: (3 + 6.5 * 5) starts of 774 ms, and not 3 + 100 * 5.
    text = no_case_text(scenario, costs, controls=4, seconds=30.0, case_seconds=7.4)
    assert "; the first case had not ended after 7.4 s; " in text
    assert "all else" not in text
    assert "a first case about 27.5 s. About 61 s are needed" in text
    assert costs.longest_case_seconds(scenario) > 380
    stated = replace(faults[1], images=4)
    assert costs.first_case_seconds(replace(SCENARIO, faults=(stated,))) == pytest.approx(
        23 * 24.0 / 31
    )
    long = no_case_text(scenario, costs, controls=4, seconds=130.0, case_seconds=100.0)
    assert "a first case about 100.0 s" in long


def test_the_time_for_enough_cases_follows_from_what_the_cases_took() -> None:
    budget = TimeBudget(began=time.monotonic() - 30)
    # 30 s so far, 3 of them for two cases of four that cost 2; then four cost 3, four 5, 18 cost 9.
    assert budget.needed(2, 0, 3.0) in (220, 230)
    assert budget.needed(21, 0, 15.0) in (50, 60)
    assert budget.needed(0, 0, 15.0) == budget.needed(9, 8, 15.0) == 0


def test_groups_that_were_not_minimised_are_only_told_as_others_where_there_are_some() -> None:
    def told(done: int, of: int) -> str:
        return cuts_text([TimeCut(what=CutWork.MINIMISING, done=done, of=of)])

    assert "others" not in told(0, 1)
    assert "of their own" not in told(0, 1)
    assert told(0, 2).endswith(" (each may be a bug of its own)")
    assert told(1, 2).endswith(" (the others may be bugs of their own)")


def test_batches_are_small_where_starts_are_slow() -> None:
    slow = Costs(job_seconds=6.0, controls=3, starts=15, recoveries=12)
    fast = replace(slow, job_seconds=0.06)
    assert [each.batch_cases(SCENARIO, 8) for each in (slow, fast)] == [1, 8]
