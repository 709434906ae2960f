"""The preparation of a scenario: control cases in all jobs at once, and what follows from them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from test_campaign_cases import outcome

from walcrash.campaign import preparation
from walcrash.campaign.control_work import CONTROL_CASES, ControlDone, ControlLate, ControlWork
from walcrash.campaign.executor import JobExecutor
from walcrash.campaign.fitting import LongShown
from walcrash.campaign.pool import JobPool
from walcrash.campaign.preparation import Prepared, prepare_in
from walcrash.campaign.time_budget import Costs
from walcrash.case.deadline import TimeOver
from walcrash.scenario.file import load_scenario
from walcrash.subjects.messages import Description
from walcrash.values.cell import NOTHING_SEARCHED
from walcrash.values.contract import Contract
from walcrash.values.log import Unopened
from walcrash.values.recovery import FailureKind
from walcrash.values.scenario import FITTED_WORKLOAD, Scenario, SubjectSpec
from walcrash.values.verdict import Verdict
from walcrash.workload.fit import Fit
from walcrash.workload.profile import Profile

QUICKSTART = load_scenario(Path(__file__).parents[2] / "scenarios" / "quickstart.toml")
FITTED = replace(QUICKSTART, workload=FITTED_WORKLOAD)
DESCRIPTION = Description(contract=Contract(), supports=frozenset())
LONG = None
JOBS = [1, 2, 4]

PATIENCE_SECONDS = 20.0
"""How long a test waits for what comes at once."""

Answer = Callable[[int | None], ControlDone | ControlLate]
Run = Callable[..., Prepared | None]


def done(index: int | None, verdict: Verdict = Verdict.PASS) -> ControlDone:
    """Return what came of a control; it ran for two seconds, and the next one began a second on."""
    number = CONTROL_CASES if index is None else index
    shown = LongShown(is_decided=True, takes_second_mark=True, is_limited=True)
    return ControlDone(
        description=DESCRIPTION,
        outcome=replace(outcome(number, NOTHING_SEARCHED), verdict=verdict),
        profile=Profile() if index is None else Profile({}, {f"operation {number}": number}),
        longest_bytes=100 - number,
        long=shown if index is None else None,
        began=float(number),
        ended=number + 2.0,
        costs=Costs(load_seconds=0.5, job_seconds=2.0, controls=1, starts=7, recoveries=4),
    )


def with_verdict(of: int | None, verdict: Verdict) -> Answer:
    return lambda index: done(index, verdict if index == of else Verdict.PASS)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what prepares a scenario whose controls come to what an answer says."""

    def run(
        answer: Answer,
        *,
        jobs: int,
        scenario: Scenario = FITTED,
        begun: list[int | None] | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> Prepared | None:
        def work(control: ControlWork) -> ControlDone | ControlLate:
            if begun is not None:
                begun.append(control.index)
            return answer(control.index)

        monkeypatch.setattr(preparation, "run_control_work", work)
        with JobPool(ThreadPoolExecutor, jobs) as pool:
            try:
                return prepare_in(pool, scenario, "1", jobs=jobs)
            finally:
                then()

    return run


def test_two_controls_run_at_once_in_two_jobs(run: Run) -> None:
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def answer(index: int | None) -> ControlDone:
        if index in (0, 1):
            both.wait()
        return done(index)

    assert run(answer, jobs=2) is not None


@pytest.mark.parametrize("jobs", JOBS)
@pytest.mark.parametrize(
    ("of", "verdict", "kept", "is_fitted"),
    [
        (0, Verdict.PASS, [0, 1, 2, 3], True),
        (0, Verdict.FAIL, [0, 1, 2], False),
        (2, Verdict.FAIL, [0, 1, 2], False),
        (0, Verdict.INCONCLUSIVE, [0], False),
        (1, Verdict.INCONCLUSIVE, [0, 1], False),
        (LONG, Verdict.FAIL, [0, 1, 2, 3], True),
    ],
)
def test_what_follows_from_controls_is_the_same_for_any_number_of_jobs(
    run: Run, jobs: int, of: int | None, verdict: Verdict, kept: list[int], *, is_fitted: bool
) -> None:
    prepared = run(with_verdict(of, verdict), jobs=jobs)
    assert prepared is not None
    assert [each.index for each in prepared.controls] == kept
    assert list(prepared.profile.total.values()) == kept[:CONTROL_CASES]
    expected = Fit(takes_second_mark=True, most_payload_bytes=100) if is_fitted else Fit()
    assert prepared.profile.fit == expected


@pytest.mark.parametrize("jobs", JOBS)
def test_a_stated_workload_has_no_long_control(run: Run, jobs: int) -> None:
    begun: list[int | None] = []
    assert run(done, jobs=jobs, scenario=QUICKSTART, begun=begun) is not None
    assert sorted(begun, key=str) == [0, 1, 2]


@pytest.mark.parametrize(
    ("of", "verdict", "expected"),
    [
        (0, Verdict.PASS, [0, 1, 2, LONG]),
        (1, Verdict.FAIL, [0, 1, 2]),
        (1, Verdict.INCONCLUSIVE, [0, 1]),
    ],
)
def test_one_job_begins_no_control_that_may_not_be_needed(
    run: Run, of: int, verdict: Verdict, expected: list[int | None]
) -> None:
    begun: list[int | None] = []
    run(with_verdict(of, verdict), jobs=1, begun=begun)
    assert begun == expected


def test_where_not_all_have_passed_one_after_the_other_decides(run: Run) -> None:
    """A subject that keeps a port for itself meets itself in another job."""
    port, long_begun = threading.Lock(), threading.Event()
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    begun: list[int | None] = []

    def answer(index: int | None) -> ControlDone:
        is_met = not port.acquire(blocking=False)
        if begun.count(index) == 1 and index in (0, 1):
            both.wait()
        if not is_met:
            port.release()
        return done(index, Verdict.FAIL if is_met else Verdict.PASS)

    prepared = run(answer, jobs=2, begun=begun)
    assert prepared is not None
    assert [each.verdict for each in prepared.controls] == [Verdict.PASS] * 4
    assert begun[-4:] == [0, 1, 2, LONG]

    def fails(index: int | None) -> ControlDone:
        if index is LONG:
            long_begun.set()
            time.sleep(0.2)
        elif index == 2 and begun.count(2) == 1:
            assert long_begun.wait(PATIENCE_SECONDS)
        if begun.count(0) == 2:
            ended.append(index)
        return done(index, Verdict.FAIL if index == 2 else Verdict.PASS)

    begun.clear()
    ended: list[int | None] = []
    prepared = run(fails, jobs=4, begun=begun)
    assert prepared is not None
    assert [each.verdict for each in prepared.controls][-1] is Verdict.FAIL
    assert ended == [0, 1, 2], "what was under way is over when they are run again"


@pytest.mark.parametrize("jobs", JOBS)
def test_a_subject_that_does_not_open_has_its_first_control_alone(run: Run, jobs: int) -> None:
    unopened = Unopened(kind=FailureKind.REFUSED, message="no", output="", story=())
    prepared = run(
        lambda index: replace(done(index), unopened=unopened if index == 0 else None), jobs=jobs
    )
    assert prepared is not None
    assert prepared.unopened == unopened
    assert [each.index for each in prepared.controls] == [0]
    assert prepared.profile == Profile()


@pytest.mark.parametrize("jobs", JOBS)
@pytest.mark.parametrize("hung", [{0, 1, 2}, {0, 2}])
def test_a_subject_has_hung_where_each_control_did(run: Run, jobs: int, hung: set[int]) -> None:
    prepared = run(
        lambda index: replace(done(index, Verdict.FAIL), has_hung=index in hung), jobs=jobs
    )
    assert prepared is not None
    assert prepared.has_hung is (len(hung) == CONTROL_CASES)


def test_what_controls_cost_is_told_by_the_clock_and_by_the_work(run: Run) -> None:
    prepared = run(done, jobs=2)
    assert prepared is not None
    assert prepared.costs == Costs(
        load_seconds=0.5,
        control_seconds=5.0,
        job_seconds=8.0,
        controls=4,
        starts=28,
        recoveries=16,
    )


@pytest.mark.parametrize("jobs", JOBS)
def test_where_the_time_is_over_what_came_before_is_told(run: Run, jobs: int) -> None:
    late = ControlLate(description=DESCRIPTION, load_seconds=7.0)
    prepared = run(lambda index: late if index == 0 else done(index), jobs=jobs)
    assert prepared is not None
    assert prepared.is_late
    assert prepared.costs == Costs(load_seconds=7.0)

    def answer(index: int | None) -> ControlDone:
        if index == 2:
            raise TimeOver
        return done(index)

    prepared = run(answer, jobs=jobs)
    assert prepared is not None
    assert prepared.is_late
    assert (prepared.costs.controls, prepared.costs.control_seconds) == (2, 3.0)


def test_without_time_to_load_the_subject_nothing_is_told(run: Run) -> None:
    def answer(_: int | None) -> ControlDone:
        raise TimeOver

    with pytest.raises(TimeOver):
        run(answer, jobs=2)


def test_an_interrupt_ends_the_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()
    monkeypatch.setattr("walcrash.campaign.pool.GRACE_SECONDS", 0.1)
    monkeypatch.setattr(preparation, "run_control_work", lambda _: may_end.wait(PATIENCE_SECONDS))
    with JobPool(ThreadPoolExecutor, 2) as pool:
        pool.interrupt()
        assert prepare_in(pool, FITTED, "1", jobs=2) is None
        may_end.set()


def test_a_real_subject_is_prepared_alike_in_one_job_and_in_two() -> None:
    subject = SubjectSpec(f"{Path(__file__).with_name('fitted_subject.py')}:Segmented")
    scenario = replace(FITTED, subject=subject)
    found = []
    for jobs in (1, 2):
        with JobPool(JobExecutor, jobs) as pool:
            prepared = prepare_in(pool, scenario, "s", jobs=jobs)
        assert prepared is not None
        assert prepared.costs.controls == CONTROL_CASES + 1
        # What a job has varied so far is told with each of its controls; all of it counts.
        varied = {what for each in prepared.controls for what in each.varied}
        controls = tuple(replace(each, varied=()) for each in prepared.controls)
        found.append((replace(prepared, costs=Costs(), controls=controls), varied))
    assert found[0][0].profile.fit.segment_bytes == 10_000
    assert found[0] == found[1]
