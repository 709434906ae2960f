"""Comparisons: two subjects under the same cases.

The cases are drawn from the first subject's scenario, with the capabilities that both have and
with the first one's profile: crash points are relative to calls, so they mean the same to both.
The cost is counted in traces of the same operations without a crash.

Not here: what is counted (`values.compare`), what is printed (`report.compare_text`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import JobPool, MakeExecutor, interruptible_jobs
from walcrash.campaign.preparation import (
    Prepared,
    name_subject,
    plain_failure,
    prepare_in,
    why_untested,
)
from walcrash.campaign.work_ahead import WorkAhead
from walcrash.case.case_run import CaseRun
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import store_case
from walcrash.case.runner import run_case
from walcrash.values.case import Case
from walcrash.values.compare import ComparedCase, Cost, Side, SubjectComparison, cost_of
from walcrash.values.errors import Inconclusive
from walcrash.values.history import Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Violation
from walcrash.workload.draw import draw_case, draw_control

# limits
CASES: Final = 40
"""Cases of a comparison by default."""

COST_CASES: Final = 3
"""Cases without a crash in which the cost is counted."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePlan:
    """What is to be compared.

    Attributes:
        scenarios: both subjects; workload, faults and invariants are the first one's.
        master_seed: an integer in decimal digits, or any text.
        cases: how many cases.
        only_case: run this case alone.
        seconds: time for the comparison; None for no limit.
        jobs: how many processes run cases.
    """

    scenarios: tuple[Scenario, Scenario]
    master_seed: str
    cases: int = CASES
    only_case: int | None = None
    seconds: float | None = None
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareWork:
    """One case for one job."""

    scenarios: tuple[Scenario, Scenario]
    prepared: tuple[Prepared, Prepared]
    master_seed: str
    index: int


def run_compare(
    plan: ComparePlan, *, say: Say, make_executor: MakeExecutor = jobs.make_executor
) -> SubjectComparison:
    """Compare two subjects.

    Args:
        plan: what to do.
        say: called with what is being done, line by line.
        make_executor: makes the job processes.

    Raises:
        ScenarioError: a subject cannot be loaded.
        Inconclusive: a subject cannot be tested, or interception is missing.
        HarnessFault: the harness could not do its work.
    """
    with interruptible_jobs(make_executor, plan.jobs) as pool:
        return _Comparer(plan, pool, say).compare()


class _Comparer:
    def __init__(self, plan: ComparePlan, pool: JobPool, say: Say) -> None:
        first, second = plan.scenarios
        # What a subject does when the clock goes back is told by `run` and `probe`.
        first = replace(first, workload=first.workload.with_steady_clock())
        # The second subject under all that the first one's scenario says.
        self._scenarios = (
            first,
            replace(first, subject=second.subject, contract=second.contract, limits=second.limits),
        )
        self._plan = plan
        self._pool = pool
        self._say = say
        self._deadline = None if plan.seconds is None else time.monotonic() + plan.seconds

    def compare(self) -> SubjectComparison:
        first, second = self._scenarios
        prepared = (self._prepare(first), self._prepare(second))
        supports = [each.description.supports for each in prepared]
        nothing = SubjectComparison(
            names=(name_subject(first), name_subject(second)),
            words=(self._plan.scenarios[0].path, self._plan.scenarios[1].path),
            seed=self._plan.master_seed,
            left_out=tuple(sorted((supports[0] ^ supports[1]) - {"reopen"})),
            cases=(),
            costs=(Cost(), Cost()),
            plain=(_plain(prepared[0]), _plain(prepared[1])),
        )
        if nothing.is_plain:
            return nothing
        self._say("counting what the same operations cost")
        works = [self._work(prepared, index) for index in range(COST_CASES)]
        costs = [self._pool.run(cost_one, work) for work in works]
        plan = self._plan
        indices = range(plan.cases) if plan.only_case is None else [plan.only_case]
        self._say(f"running {len(indices)} cases under both")
        cases = tuple(self._cases(prepared, list(indices)))
        return replace(
            nothing,
            cases=cases,
            costs=(
                sum((each[0] for each in costs), Cost()),
                sum((each[1] for each in costs), Cost()),
            ),
            is_cut_short=len(cases) < len(indices),
        )

    def _prepare(self, scenario: Scenario) -> Prepared:
        self._say(f"loading {name_subject(scenario)}")
        prepared = prepare_in(self._pool, scenario, self._plan.master_seed, jobs=self._plan.jobs)
        if prepared is None:
            raise KeyboardInterrupt
        untested = why_untested(prepared)
        if untested and plain_failure(prepared) is None:
            raise Inconclusive(f"{name_subject(scenario)}: {untested}")
        return prepared

    def _work(self, prepared: tuple[Prepared, Prepared], index: int) -> CompareWork:
        return CompareWork(
            scenarios=self._scenarios,
            prepared=prepared,
            master_seed=self._plan.master_seed,
            index=index,
        )

    def _cases(
        self, prepared: tuple[Prepared, Prepared], indices: list[int]
    ) -> Iterator[ComparedCase]:
        """Yield the cases in order, until time is over."""
        in_time = takewhile(lambda _: not self._is_late(), indices)
        works = (self._work(prepared, index) for index in in_time)
        for _, compared in WorkAhead(self._pool, compare_one, works, jobs=self._plan.jobs):
            if compared is None:
                raise KeyboardInterrupt
            yield compared

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline


def _plain(prepared: Prepared) -> Violation | None:
    failure = plain_failure(prepared)
    return None if failure is None else failure.worst


# In a job process.


def cost_one(work: CompareWork) -> tuple[Cost, Cost]:
    """Return what a case without a crash costs under each of the two.

    Raises:
        WalcrashError: as `run_compare`.
    """
    case = draw_control(work.scenarios[0], _shared(work), work.master_seed, work.index)
    first, second = (_cost(_run(work, side, case)) for side in (0, 1))
    return first, second


def compare_one(work: CompareWork) -> ComparedCase:
    """Draw a case and run it under both.

    Raises:
        WalcrashError: as `run_compare`.
    """
    case = draw_case(
        work.scenarios[0],
        supports=_shared(work),
        profile=work.prepared[0].profile,
        master_seed=work.master_seed,
        index=work.index,
    )
    first, second = (_side(_run(work, side, case)) for side in (0, 1))
    return ComparedCase(index=work.index, first=first, second=second)


def _shared(work: CompareWork) -> frozenset[str]:
    first, second = work.prepared
    return first.description.supports & second.description.supports


def _run(work: CompareWork, side: int, case: Case) -> CaseRun:
    scenario, description = work.scenarios[side], work.prepared[side].description
    stored = store_case(case, scenario, description)
    return run_case(job_sandbox(), stored)


def _cost(run: CaseRun) -> Cost:
    around = (OperationKind.OPEN, OperationKind.CLOSE)
    return sum(
        (
            cost_of(
                boot.events(),
                operations=sum(
                    call.outcome is Outcome.ACKNOWLEDGED and call.operation.kind not in around
                    for call in boot.history.calls
                ),
            )
            for boot in run.boots
        ),
        Cost(),
    )


def _side(run: CaseRun) -> Side:
    violations = run.judgement.violations
    return Side(
        verdict=run.verdict,
        broken=tuple(dict.fromkeys(violation.invariant for violation in violations)),
        message=run.judgement.worst.message if violations else run.doubt,
        images=run.coverage.judged if run.coverage is not None else 0,
    )
