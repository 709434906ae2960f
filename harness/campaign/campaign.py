"""Campaigns: many cases under a budget, told as lines of the event log.

Cases are handed out in batches and taken back in the order of their indices, so that the log
is the same whatever the number of jobs. The executor is any of `concurrent.futures`.

Not here: what a case is (`workload`), how one runs (`case_runner`), what is shown (`report`).
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import harness
from harness.campaign import jobs
from harness.campaign.case_file import StoredCase, stored_case_from_json
from harness.campaign.jobs import Batch, CaseOutcome, Prepared
from harness.campaign.store import Store
from harness.campaign.tally import Tally
from harness.values.errors import HarnessFault
from harness.values.log import (
    LOG_FORMAT,
    CampaignEnded,
    CampaignStarted,
    FindingReported,
    LogLine,
    ScenarioStarted,
    StopReason,
)
from harness.values.scenario import Scenario
from harness.values.verdict import Verdict

REPLAYS: Final = 5
"""How often a finding is replayed in fresh processes."""

BATCH_CASES: Final = 8
"""Cases in one batch: few, so that a campaign stops soon."""

BATCHES_AHEAD: Final = 2
"""Batches handed out for each job before the oldest is taken back."""

_POLL_SECONDS: Final = 0.2

T = TypeVar("T")
MakeExecutor = Callable[[int], Executor]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What a campaign is to do.

    Attributes:
        scenarios: in the order in which they run.
        master_seed: an integer in decimal digits, or any text.
        jobs: how many processes run cases.
        cases: cases a scenario, instead of its own budget.
        seconds: time for the whole campaign, instead of the scenarios' own.
        only_case: run this case alone.
        runs: the folder that keeps findings.
    """

    scenarios: tuple[Scenario, ...]
    master_seed: str
    jobs: int
    cases: int | None
    seconds: float | None
    only_case: int | None
    runs: Path


class Campaign:
    """Runs a plan; `lines` may be iterated once."""

    def __init__(
        self, plan: CampaignPlan, *, make_executor: MakeExecutor = jobs.make_executor
    ) -> None:
        self._plan = plan
        self._make_executor = make_executor
        self._stopped: StopReason | None = None
        self._deadline: float | None = None
        self._has_run_out = False
        self._store = Store(plan.runs)

    def interrupt(self) -> None:
        """Hand out no more cases and end soon; safe to call from a signal handler."""
        self._stopped = StopReason.INTERRUPTED

    def lines(self) -> Iterator[LogLine]:
        """Run, and tell it line by line; the last line is `CampaignEnded`.

        Closing the generator ends every process.

        Raises:
            ScenarioError: a subject cannot be loaded.
            Inconclusive: the kernel refuses interception.
            HarnessFault: the harness could not do its work.
        """
        plan = self._plan
        yield CampaignStarted(
            format=LOG_FORMAT,
            version=harness.__version__,
            seed=plan.master_seed,
            scenarios=tuple(scenario.name for scenario in plan.scenarios),
        )
        self._deadline = _after(plan.seconds)
        verdicts: list[Verdict] = []
        cases = findings = 0
        executor = self._make_executor(plan.jobs)
        try:
            for scenario in plan.scenarios:
                if self._stopped:
                    break
                tally = Tally(scenario, plan.master_seed)
                yield from self._run_scenario(executor, tally, verdicts)
                cases += tally.cases
                findings += len(tally.groups)
        except BrokenProcessPool as problem:
            raise HarnessFault(
                f"a job process died, which no scenario explains: {problem}",
                hint="walcrash doctor; dmesg | tail shows whether memory ran out",
            ) from None
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
        yield CampaignEnded(
            verdict=_together(verdicts, len(plan.scenarios)),
            stopped=self._stopped or self._why_done(),
            cases=cases,
            findings=findings,
        )

    def _why_done(self) -> StopReason:
        return StopReason.TIME_OVER if self._has_run_out else StopReason.CASES_DONE

    def _run_scenario(
        self, executor: Executor, tally: Tally, verdicts: list[Verdict]
    ) -> Iterator[LogLine]:
        scenario = tally.scenario
        prepared = self._wait(executor.submit(jobs.prepare, scenario, tally.master_seed))
        if prepared is None:
            return
        yield _started(scenario, prepared)
        tally.broken = _broken_control(prepared)
        # A subject that is wrong without a crash says nothing about crashes.
        if not tally.broken:
            for outcome in self._outcomes(executor, scenario, prepared):
                yield tally.add(outcome)
            for name in sorted(tally.groups):
                yield self._report(executor, tally, name)
        ended = tally.ended()
        verdicts.append(ended.verdict)
        yield ended

    def _outcomes(
        self, executor: Executor, scenario: Scenario, prepared: Prepared
    ) -> Iterator[CaseOutcome]:
        """Hand out batches and yield what comes back, in order, until the budget is used up."""
        deadline = self._deadline
        if self._plan.seconds is None:
            deadline = _after(scenario.budget.seconds)
        pending: deque[Future[list[CaseOutcome]]] = deque()
        batches = self._batches(scenario, prepared)
        is_open = True
        while True:
            while is_open and len(pending) < self._plan.jobs * BATCHES_AHEAD:
                is_open = self._may_go_on(deadline)
                batch = next(batches, None) if is_open else None
                is_open = batch is not None
                if batch is not None:
                    pending.append(executor.submit(jobs.run_batch, batch))
            if not pending:
                return
            if self._stopped is StopReason.INTERRUPTED:
                for future in pending:
                    future.cancel()
            future = pending.popleft()
            if not future.cancelled():
                yield from self._wait(future, is_urgent=False) or ()

    def _batches(self, scenario: Scenario, prepared: Prepared) -> Iterator[Batch]:
        plan = self._plan
        count = plan.cases if plan.cases is not None else scenario.budget.cases
        indices = range(count) if plan.only_case is None else [plan.only_case]
        for start in range(0, len(indices), BATCH_CASES):
            yield Batch(
                scenario=scenario,
                description=prepared.description,
                profile=prepared.profile,
                master_seed=plan.master_seed,
                indices=tuple(indices[start : start + BATCH_CASES]),
            )

    def _may_go_on(self, deadline: float | None) -> bool:
        if self._stopped:
            return False
        if deadline is not None and time.monotonic() >= deadline:
            self._has_run_out = True
            if self._plan.seconds is not None:
                self._stopped = StopReason.TIME_OVER
            return False
        return True

    def _report(self, executor: Executor, tally: Tally, name: str) -> FindingReported:
        """Replay a finding in fresh processes, keep it, and return its line."""
        best = tally.groups[name].best
        kept = _stored(best)
        invariant = best.violations[0].invariant
        futures = [executor.submit(jobs.replay_case, kept) for _ in range(REPLAYS)]
        runs = [run for run in (self._wait(future) for future in futures) if run is not None]
        alike = sum(any(v.invariant is invariant for v in run.judgement.violations) for run in runs)
        finding = tally.finding(name, replays=len(runs), replays_alike=alike)
        self._store.keep(finding, best.stored)
        return FindingReported(finding=finding)

    def _wait(self, future: Future[T], *, is_urgent: bool = True) -> T | None:
        """Wait for a result; None if the campaign was interrupted before it began."""
        while True:
            try:
                return future.result(timeout=_POLL_SECONDS)
            except TimeoutError:
                if is_urgent and self._stopped is StopReason.INTERRUPTED and future.cancel():
                    return None


def _after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _started(scenario: Scenario, prepared: Prepared) -> ScenarioStarted:
    return ScenarioStarted(
        scenario=scenario.name,
        subject=_subject(scenario),
        contract=scenario.contract or prepared.description.contract,
        supports=tuple(sorted(prepared.description.supports)),
        unjudged=prepared.controls[0].unjudged,
        control_cases=len(prepared.controls),
    )


def _subject(scenario: Scenario) -> str:
    """Return the subject as reports name it, without the machine's folders."""
    name = scenario.subject.adapter.rpartition("/")[2]
    options = ", ".join(f"{key}={value}" for key, value in scenario.subject.options.items())
    return f"{name} ({options})" if options else name


def _broken_control(prepared: Prepared) -> str:
    """Return why a subject cannot be tested: it fails, or is in doubt, without any crash."""
    for outcome in prepared.controls:
        if outcome.verdict is Verdict.FAIL:
            worst = outcome.violations[0]
            return (
                f"the subject is broken without a crash: {worst.invariant.value} in "
                f"{worst.where}: {worst.message}"
            )
        if outcome.verdict is Verdict.INCONCLUSIVE:
            return f"already without a crash: {outcome.doubt or 'nothing could be judged'}"
    return ""


def _stored(outcome: CaseOutcome) -> StoredCase:
    return stored_case_from_json(json.loads(outcome.stored))


def _together(verdicts: list[Verdict], scenario_count: int) -> Verdict:
    """Return a campaign's verdict; one that did not judge all its scenarios is not green."""
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in verdicts or len(verdicts) < max(1, scenario_count):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS
