"""Campaigns: many cases under a budget, reported as lines of the event log.

Cases are handed out in batches and taken back in the order of their indices, so that the log
is the same whatever the number of jobs. The executor is any of `concurrent.futures`.

Not here: what a case is (`workload`), how one runs (`case.runner`), how failing cases become
findings (`finding_reports`), what is shown (`report`).
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.finding_reports import FindingReports
from walcrash.campaign.follow_up import KeptRuns, follow_up, run_kept_cases
from walcrash.campaign.jobs import Batch, Prepared
from walcrash.campaign.pinned import run_pinned
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.campaign.state import CampaignState
from walcrash.campaign.tally import Tally
from walcrash.campaign.time_budget import KEPT_SHARE, Costs, TimeBudget, no_case_text
from walcrash.campaign.work_ahead import WorkAhead
from walcrash.case.deadline import Deadline, TimeOver
from walcrash.case.outcome import CaseOutcome
from walcrash.case.plane import kernel_release
from walcrash.findings.store import Store
from walcrash.minimise.trial import TRIES
from walcrash.values.errors import Inconclusive
from walcrash.values.finding import Finding, FindingChange, Unfollowed
from walcrash.values.log import (
    LOG_FORMAT,
    CampaignEnded,
    CampaignStarted,
    CaseJudged,
    CutWork,
    FindingReported,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
    StopReason,
)
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.values.version import VERSION

BATCH_CASES: Final = 8
"""Most cases in one batch: few, so that a campaign stops soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What a campaign is to do.

    Attributes:
        scenarios: in the order in which they run.
        master_seed: an integer in decimal digits, or any text.
        jobs: how many processes run cases.
        cases: cases a scenario, instead of its own budget.
        seconds: time for the whole campaign, instead of the scenarios' own; each scenario gets
            an equal share of what is left when it begins. Without it, and with `cases` or
            `only_case`, nothing is decided by the clock.
        only_case: run this case alone.
        runs: the directory that keeps findings.
        minimising_tries: how many simpler cases are run for one group of failing cases.
        is_portability_reported: whether failures that only a model weaker than the contract's shows
            are reported.
        plane: the real file system that the images are made from; empty for those of the models.
        confirm: the real file system on which each finding of a power loss is tried as well; empty
            for none.
        is_known_allowed: whether a kept finding that no case shows and that fails again is only
            one of the `changes`, and no finding of this campaign.
    """

    scenarios: tuple[Scenario, ...]
    master_seed: str
    jobs: int
    cases: int | None
    seconds: float | None
    only_case: int | None
    runs: Path
    minimising_tries: int = TRIES
    is_portability_reported: bool = True
    is_known_allowed: bool = False
    plane: str = ""
    confirm: str = ""


@dataclass(slots=True)
class _Begun:
    """A scenario that has begun; `prepared` is None where it could not be, or after an interrupt.

    `tally` has what its pinned cases showed, `seconds` is how long that took.
    """

    tally: Tally
    seconds: float = 0.0
    prepared: Prepared | None = None


class Campaign:
    """Runs a plan; `lines` may be iterated once.

    Args:
        plan: what to do.
        make_executor: where the jobs run.
        state: where it keeps what it has done, and finds what it had; without one it cannot go
            on after it was killed.

    Attributes:
        changes: what became of the findings that were kept, as far as is known by now.
        unfollowed: the findings that were kept and of which nothing is known, so far.
    """

    def __init__(
        self,
        plan: CampaignPlan,
        *,
        make_executor: MakeExecutor = jobs.make_executor,
        state: CampaignState | None = None,
    ) -> None:
        self._plan = plan
        self._state = state
        self._began = time.monotonic()
        self._make_executor = make_executor
        self._pool: JobPool | None = None
        self._is_interrupted = False
        self._stopped: StopReason | None = None
        self._deadline: float | None = None
        self._store = Store(plan.runs)
        self.changes: list[FindingChange] = []
        self.unfollowed = Unfollowed()

    def interrupt(self) -> None:
        """Hand out no more cases and end soon; safe to call from a signal handler."""
        self._is_interrupted = True
        self._stopped = StopReason.INTERRUPTED
        if self._pool is not None:
            self._pool.interrupt()

    def lines(self) -> Iterator[LogLine]:
        """Run, and yield the lines of the event log; the last line is `CampaignEnded`.

        Closing the generator ends every process.

        Raises:
            ScenarioError: a subject cannot be loaded.
            HarnessFault: the harness could not do its work.
        """
        plan = self._plan
        yield CampaignStarted(
            format=LOG_FORMAT,
            version=VERSION,
            seed=plan.master_seed,
            scenarios=tuple(scenario.name for scenario in plan.scenarios),
            plane=f"{plan.plane} {kernel_release()}" if plan.plane else "",
        )
        self._began = time.monotonic()
        earlier = 0.0 if self._state is None else self._state.seconds
        if plan.seconds is not None:
            self._deadline = self._began + max(0.0, plan.seconds - earlier)
        ended: list[ScenarioEnded] = []
        begun: dict[str, _Begun] = {}
        with JobPool(self._make_executor, plan.jobs) as self._pool:
            # What is pinned was found before: whether it is back is known first of all.
            for scenario in plan.scenarios:
                if scenario.pinned and plan.only_case is None and not self._is_stopped():
                    budget = self._budget(scenario, scenarios_left=len(plan.scenarios))
                    begun[scenario.name] = yield from self._begin(self._pool, scenario, budget)
            for number, scenario in enumerate(plan.scenarios):
                is_resumed = self._is_begun(scenario)
                if self._is_stopped() and not is_resumed and scenario.name not in begun:
                    continue
                left = len(plan.scenarios) - number
                known = begun.get(scenario.name)
                used = 0.0 if known is None else known.seconds
                budget = self._budget(scenario, scenarios_left=left, used=used)
                if known is None:
                    # What was judged before is reported, also where the time is over by now.
                    until = TimeBudget.lasting(None) if is_resumed else budget
                    known = yield from self._begin(self._pool, scenario, until)
                yield from self._run_scenario(self._pool, known, budget, ended)
        yield CampaignEnded(
            verdict=_together([line.verdict for line in ended], len(plan.scenarios)),
            stopped=self._stopped or StopReason.CASES_DONE,
            cases=sum(line.cases for line in ended),
            findings=sum(line.findings for line in ended),
        )
        # Only now that the last line is out: a campaign without a state does not go on.
        if self._state is not None and not self._is_interrupted:
            self._state.end()

    def _is_begun(self, scenario: Scenario) -> bool:
        """Whether an earlier process began it, so that there is something to report of it."""
        if self._state is None or self._is_interrupted:
            return False
        return self._state.is_begun(scenario.name)

    def _budget(self, scenario: Scenario, *, scenarios_left: int, used: float = 0.0) -> TimeBudget:
        """Return a scenario's time: its own budget, or its share of the campaign's."""
        earlier = 0.0 if self._state is None else self._state.begin_scenario(scenario.name)
        return TimeBudget.of(
            scenario,
            end=self._deadline,
            scenarios_left=scenarios_left,
            is_counted=self._plan.cases is not None or self._plan.only_case is not None,
            used=earlier + used,
        )

    def _begin(
        self, pool: JobPool, scenario: Scenario, budget: TimeBudget
    ) -> Generator[LogLine, None, "_Begun"]:
        """Run a scenario's control cases, and then what is pinned in it."""
        tally = Tally(
            scenario,
            self._plan.master_seed,
            is_portability_reported=self._plan.is_portability_reported,
        )
        begun = _Begun(tally)
        pool.deadline = budget.part(1.0)
        try:
            prepared = pool.result(pool.submit(jobs.prepare, scenario, tally.master_seed))
            if prepared is None:
                return begun
            if prepared.is_late:
                tally.broken = self._no_case_text(scenario, prepared.costs, budget)
                return begun
            yield _started(scenario, prepared)
            tally.broken, tally.unopened = why_untested(prepared), prepared.unopened
            if prepared.unopened is None:
                tally.add_controls(prepared.controls)
            if not tally.broken:
                yield from self._pinned(pool, tally, prepared)
            begun.prepared = prepared
        except Inconclusive as reason:
            # Another scenario may get along with what this machine has.
            tally.broken = reason.message
        except TimeOver:
            tally.broken = self._no_case_text(scenario, None, budget)
        begun.seconds = budget.seconds
        return begun

    def _no_case_text(self, scenario: Scenario, costs: Costs | None, budget: TimeBudget) -> str:
        self._stopped = self._stopped or StopReason.TIME_OVER
        return no_case_text(scenario, costs, controls=jobs.CONTROL_CASES, seconds=budget.seconds)

    def _run_scenario(
        self, pool: JobPool, begun: "_Begun", budget: TimeBudget, ended: list[ScenarioEnded]
    ) -> Iterator[LogLine]:
        tally, prepared = begun.tally, begun.prepared
        if prepared is None and not tally.broken:
            return
        kept = KeptRuns()
        try:
            if prepared is not None and not tally.broken:
                # Before its own cases, which may use up the time.
                pool.deadline = budget.part(KEPT_SHARE)
                kept = self._kept_runs(pool, tally, prepared)
                for outcome in self._all_outcomes(pool, tally, prepared, budget):
                    yield tally.add(outcome)
                self._note_cases(tally, prepared, budget)
        except Inconclusive as reason:
            tally.broken = reason.message
        found: list[Finding] = []
        reports = FindingReports(
            pool,
            self._store,
            # Groups that lack the cases of an interrupted scenario may come to something else.
            None if self._is_interrupted else self._state,
            tries=self._plan.minimising_tries,
            plane=self._plan.plane,
            confirm=self._plan.confirm,
        )
        for line, change in reports.lines(tally, budget):
            found.append(line.finding)
            self.changes.append(change)
            yield line
        if prepared is not None and not self._is_interrupted:
            for line in self._followed_up(tally, prepared, kept, found):
                found.append(line.finding)
                yield line
        if tally.cuts:
            self._stopped = self._stopped or StopReason.TIME_OVER
        portability = sum(finding.is_portability for finding in found)
        ended.append(tally.ended(findings=len(found) - portability, portability=portability))
        yield ended[-1]

    def _pinned(self, pool: JobPool, tally: Tally, prepared: Prepared) -> Iterator[CaseJudged]:
        """Run the scenario's pinned cases; not with one case alone."""
        pinned = tally.scenario.pinned if self._plan.only_case is None else ()
        futures = [
            pool.submit(run_pinned, tally.scenario, prepared.description, pin) for pin in pinned
        ]
        late = 0
        for future in futures:
            try:
                found = pool.result(future)
            except TimeOver:
                late += 1
                continue
            if found is not None:
                yield tally.add(found.outcome, pinned=found.finding)
        if late:
            tally.add_cut(CutWork.PINNED, len(pinned) - late, len(pinned))

    def _kept_runs(self, pool: JobPool, tally: Tally, prepared: Prepared) -> KeptRuns:
        """Run what was kept of a scenario; not with one case alone."""
        if self._plan.only_case is not None or self._is_interrupted:
            return KeptRuns()
        runs = run_kept_cases(pool, self._store, tally.scenario, prepared.description)
        if runs.late:
            tally.add_cut(CutWork.KEPT, runs.of - len(runs.late), runs.of)
        return runs

    def _note_cases(self, tally: Tally, prepared: Prepared, budget: TimeBudget) -> None:
        """Note that the time was not enough for all cases, or for any."""
        count = 1 if self._plan.only_case is not None else self._case_count(tally.scenario)
        done = tally.cases - tally.pinned
        if self._stopped is not StopReason.TIME_OVER or done >= count:
            return
        if not tally.cases:
            tally.broken = self._no_case_text(tally.scenario, prepared.costs, budget)
        else:
            tally.add_cut(CutWork.CASES, done, count)

    def _followed_up(
        self,
        tally: Tally,
        prepared: Prepared,
        kept: KeptRuns,
        found: Sequence[Finding],
    ) -> Iterator[FindingReported]:
        """Yield what was kept and fails again, and was not found: it counts, unless allowed."""
        seen = {finding.id for finding in found}
        unseen = {id_: shown for id_, shown in kept.shown.items() if id_ not in seen}
        known = self.unfollowed
        self.unfollowed = Unfollowed(
            left_out=(*known.left_out, *(id_ for id_ in kept.left_out if id_ not in seen)),
            silent=(*known.silent, *(id_ for id_ in kept.silent if id_ not in seen)),
            late=(*known.late, *(id_ for id_ in kept.late if id_ not in seen)),
        )
        contract = tally.scenario.contract or prepared.description.contract
        for change, line in follow_up(self._store, tally.scenario, unseen, contract.model):
            self.changes.append(change)
            if line is not None and not self._plan.is_known_allowed:
                yield line

    def _all_outcomes(
        self, pool: JobPool, tally: Tally, prepared: Prepared, budget: TimeBudget
    ) -> Iterator[CaseOutcome]:
        """Yield what the state has of a scenario, then run the rest and keep it there."""
        state, name = self._state, tally.scenario.name
        if state is None:
            for outcomes in self._outcomes(pool, tally, prepared, budget, first=0):
                yield from outcomes
            return
        count = self._case_count(tally.scenario)
        earlier = state.judged(name, most=count)
        yield from earlier
        reason = state.why_done(name)
        # A last case that the state has lost is judged again.
        if reason is not None and (reason is not StopReason.CASES_DONE or len(earlier) == count):
            is_short = reason is not StopReason.CASES_DONE
            self._stopped = self._stopped or (reason if is_short else None)
            return
        number = len(earlier)
        for outcomes in self._outcomes(pool, tally, prepared, budget, first=number):
            seconds = state.seconds + time.monotonic() - self._began
            state.add_judged(name, number, outcomes, seconds)
            number += len(outcomes)
            yield from outcomes
        if not self._is_interrupted:
            state.set_done(name, self._stopped or StopReason.CASES_DONE)

    def _outcomes(
        self,
        pool: JobPool,
        tally: Tally,
        prepared: Prepared,
        budget: TimeBudget,
        *,
        first: int,
    ) -> Iterator[list[CaseOutcome]]:
        """Hand out batches and yield what comes back, in order, until the budget is used up.

        What comes back behind a batch that ended early is dropped: the log has no holes.
        """
        pool.deadline = budget.for_cases()
        batches = self._batches(tally, prepared, pool.deadline, first)
        ahead = WorkAhead(pool, jobs.run_batch, batches, jobs=self._plan.jobs)
        results = iter(ahead)
        while not self._is_stopped():
            try:
                result = next(results, None)
            except TimeOver:
                self._stopped = self._stopped or StopReason.TIME_OVER
                break
            if result is None:
                return
            batch, outcomes = result
            yield outcomes or []
            if pool.deadline.name_until is not None and _has_groups(tally):
                # What is under way gives way to what was found.
                pool.deadline = Deadline(at=pool.deadline.name_until)
            if len(outcomes or []) < len(batch.indices):
                self._stopped = self._stopped or StopReason.TIME_OVER
                break
        if ahead.stop():
            self._stopped = self._stopped or StopReason.TIME_OVER

    def _batches(
        self, tally: Tally, prepared: Prepared, deadline: Deadline, first: int
    ) -> Iterator[Batch]:
        plan, scenario = self._plan, tally.scenario
        size = BATCH_CASES
        if deadline.at is not None:
            size = prepared.costs.batch_cases(scenario, BATCH_CASES)
        indices = range(self._case_count(scenario)) if plan.only_case is None else [plan.only_case]
        for start in range(first, len(indices), size):
            yield Batch(
                scenario=scenario,
                description=prepared.description,
                profile=prepared.profile,
                master_seed=plan.master_seed,
                indices=tuple(indices[start : start + size]),
                begun_until=deadline.at,
                begun_until_found=deadline.name_until,
                is_found=_has_groups(tally),
                keeps_evidence=True,
                plane=plan.plane,
            )

    def _case_count(self, scenario: Scenario) -> int:
        return self._plan.cases if self._plan.cases is not None else scenario.budget.cases

    def _is_stopped(self) -> bool:
        return self._is_interrupted or (
            self._deadline is not None and time.monotonic() >= self._deadline
        )


def _has_groups(tally: Tally) -> bool:
    return bool(tally.groups or tally.portability_groups)


def _started(scenario: Scenario, prepared: Prepared) -> ScenarioStarted:
    return ScenarioStarted(
        scenario=scenario.name,
        subject=name_subject(scenario),
        contract=scenario.contract or prepared.description.contract,
        supports=tuple(sorted(prepared.description.supports)),
        unjudged=prepared.controls[0].unjudged,
        control_cases=len(prepared.controls),
        path=scenario.path,
    )


def name_subject(scenario: Scenario) -> str:
    """Return the subject as reports name it, without the machine's directories."""
    name = scenario.subject.name
    options = ", ".join(f"{key}={value}" for key, value in scenario.subject.options.items())
    return f"{name} ({options})" if options else name


def why_untested(prepared: Prepared) -> str:
    """Return why no case can be run; empty where cases can."""
    unopened = prepared.unopened
    if unopened is not None:
        return (
            "the subject cannot be opened in an empty directory: "
            f"{unopened.kind.value}: {unopened.message}"
        )
    if prepared.has_hung:
        return "each case without any crash hung, so no other case was run"
    for outcome in prepared.controls:
        if outcome.refused:
            return f"the subject is broken without a crash: {outcome.refused}"
        if outcome.verdict is Verdict.INCONCLUSIVE:
            return f"already without a crash: {outcome.doubt or 'nothing could be judged'}"
    return ""


def plain_failure(prepared: Prepared) -> CaseOutcome | None:
    """Return the first control case that failed, if any: what it shows needs no crash."""
    if prepared.unopened is not None:
        return None
    failed = (each for each in prepared.controls if each.verdict is Verdict.FAIL)
    return next(failed, None)


def _together(verdicts: list[Verdict], scenario_count: int) -> Verdict:
    """Return a campaign's verdict; one that did not judge all its scenarios is not green."""
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in verdicts or len(verdicts) < max(1, scenario_count):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS
