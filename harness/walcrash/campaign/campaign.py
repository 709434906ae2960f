"""Campaigns: many cases under a budget, reported as lines of the event log.

The log is the same whatever the number of jobs. The executor is any of `concurrent.futures`.

Not here: what is asked for (`plan`), how cases are handed out (`cases`), how one runs
(`case.runner`), how failing cases become findings (`finding_reports`), what is shown (`report`).
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from walcrash.campaign import jobs
from walcrash.campaign.cases import ScenarioCases
from walcrash.campaign.control_work import CONTROL_CASES
from walcrash.campaign.finding_reports import FindingReports
from walcrash.campaign.follow_up import KeptRuns, follow_up, run_kept_cases
from walcrash.campaign.pinned import run_pinned
from walcrash.campaign.plan import CampaignPlan
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.campaign.preparation import Prepared, prepare_in, started, why_untested
from walcrash.campaign.state import CampaignState
from walcrash.campaign.stop import Stop
from walcrash.campaign.tally import Tally
from walcrash.campaign.time_budget import KEPT_SHARE, Costs, TimeBudget, no_case_text
from walcrash.case.deadline import TimeOver
from walcrash.case.plane import kernel_release
from walcrash.findings.store import Store
from walcrash.values.activity import CASES, Watch
from walcrash.values.errors import Inconclusive
from walcrash.values.finding import Finding, FindingChange, Unfollowed
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.log import (
    LOG_FORMAT,
    CampaignEnded,
    CampaignStarted,
    CaseJudged,
    CutWork,
    FindingReported,
    LogLine,
    ScenarioEnded,
    StopReason,
)
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.values.version import VERSION


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
        self._watch: Watch | None = None
        self._stop = Stop()
        self._store = Store(plan.runs)
        self.changes: list[FindingChange] = []
        self.unfollowed = Unfollowed()

    def interrupt(self) -> None:
        """Hand out no more cases and end soon; safe to call from a signal handler."""
        self._stop.interrupt()
        if self._pool is not None:
            self._pool.interrupt()

    def watch(self, tell: Watch) -> None:
        """Have it told what is done while no line comes; to be called before `lines`."""
        self._watch = tell

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
            self._stop.deadline = self._began + max(0.0, plan.seconds - earlier)
        ended: list[ScenarioEnded] = []
        begun: dict[str, _Begun] = {}
        with JobPool(self._make_executor, plan.jobs) as self._pool:
            self._pool.watch = self._watch
            # What is pinned was found before: whether it is back is known first of all.
            for scenario in plan.scenarios:
                if scenario.pinned and plan.only_case is None and not self._stop.is_now:
                    budget = self._budget(scenario, scenarios_left=len(plan.scenarios))
                    begun[scenario.name] = yield from self._begin(self._pool, scenario, budget)
            for number, scenario in enumerate(plan.scenarios):
                is_resumed = self._is_begun(scenario)
                if self._stop.is_now and not is_resumed and scenario.name not in begun:
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
            stopped=self._stop.reason or StopReason.CASES_DONE,
            cases=sum(line.cases for line in ended),
            findings=sum(line.findings for line in ended),
        )
        # Only now that the last line is out: a campaign without a state does not go on.
        if self._state is not None and not self._stop.is_interrupted:
            self._state.end()

    def _is_begun(self, scenario: Scenario) -> bool:
        """Whether an earlier process began it, so that there is something to report of it."""
        if self._state is None or self._stop.is_interrupted:
            return False
        return self._state.is_begun(scenario.name)

    def _budget(self, scenario: Scenario, *, scenarios_left: int, used: float = 0.0) -> TimeBudget:
        """Return a scenario's time: its own budget, or its share of the campaign's."""
        earlier = 0.0 if self._state is None else self._state.begin_scenario(scenario.name)
        return TimeBudget.of(
            scenario,
            end=self._stop.deadline,
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
            prepared = prepare_in(pool, scenario, tally.master_seed, jobs=self._plan.jobs)
            if prepared is None:
                return begun
            if prepared.is_late:
                tally.broken = self._no_case_text(scenario, prepared.costs, budget)
                return begun
            yield started(scenario, prepared)
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

    def _no_case_text(
        self,
        scenario: Scenario,
        costs: Costs | None,
        budget: TimeBudget,
        case_seconds: float = 0.0,
    ) -> str:
        self._stop.note(StopReason.TIME_OVER)
        return no_case_text(
            scenario,
            costs,
            controls=CONTROL_CASES,
            seconds=budget.seconds,
            case_seconds=case_seconds,
        )

    def _run_scenario(
        self, pool: JobPool, begun: "_Begun", budget: TimeBudget, ended: list[ScenarioEnded]
    ) -> Iterator[LogLine]:
        tally, prepared = begun.tally, begun.prepared
        if prepared is None and not tally.broken:
            return
        kept = KeptRuns()
        reports = FindingReports(
            pool,
            self._store,
            self._state,
            tries=self._plan.minimising_tries,
            costs=Costs() if prepared is None else prepared.costs,
            jobs=self._plan.jobs,
            plane=self._plan.plane,
            confirm=self._plan.confirm,
        )
        try:
            if prepared is not None and not tally.broken:
                # Before its own cases, which may use up the time.
                pool.deadline = budget.part(KEPT_SHARE)
                kept = self._kept_runs(pool, tally, prepared)
                cases = ScenarioCases(
                    plan=self._plan,
                    pool=pool,
                    tally=tally,
                    prepared=prepared,
                    budget=budget,
                    stop=self._stop,
                    began=self._began,
                    settle=partial(reports.settle, tally, budget),
                    state=self._state,
                )
                for outcome in cases.outcomes():
                    yield tally.add(outcome)
                if cases.reason is StopReason.TIME_OVER:
                    self._note_cases(tally, prepared, budget, cases.spent)
                tally.few = cases.few()
        except Inconclusive as reason:
            tally.broken = reason.message
        found: list[Finding] = []
        # Groups that lack the cases of an interrupted scenario may come to something else.
        reports.is_kept = not self._stop.is_interrupted
        for line, change in reports.lines(tally, budget):
            found.append(line.finding)
            self.changes.append(change)
            yield line
        pool.activity = lambda: CASES
        if prepared is not None and not self._stop.is_interrupted:
            for line in self._followed_up(tally, prepared, kept, found):
                found.append(line.finding)
                yield line
        if tally.cuts:
            self._stop.note(StopReason.TIME_OVER)
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
        if self._plan.only_case is not None or self._stop.is_interrupted:
            return KeptRuns()
        runs = run_kept_cases(pool, self._store, tally.scenario, prepared.description)
        if runs.late:
            tally.add_cut(CutWork.KEPT, runs.of - len(runs.late), runs.of)
        return runs

    def _note_cases(
        self, tally: Tally, prepared: Prepared, budget: TimeBudget, spent: float
    ) -> None:
        """Note that the time was not enough for all cases, or for any."""
        done, count = tally.cases - tally.pinned, self._plan.most_cases(tally.scenario)
        if done >= count:
            return
        if not tally.cases:
            tally.broken = self._no_case_text(tally.scenario, prepared.costs, budget, spent)
        elif count < CASES_PER_SCENARIO:
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


def _together(verdicts: list[Verdict], scenario_count: int) -> Verdict:
    """Return a campaign's verdict; one that did not judge all its scenarios is not green."""
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in verdicts or len(verdicts) < max(1, scenario_count):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS
