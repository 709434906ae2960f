"""A scenario's own cases: handed out in batches, taken back in the order of their indices.

Where there is a time budget, what was found is seen to before its end, and cases go on in what that
leaves. They end with their number, with the time, where nothing new came for as long as was asked
(`--until-quiet`), or where no state is left that would be new. The last is counted in cases, so it
falls on the same case for any number of jobs.

Not here: what a case is (`workload`), what its outcome adds up to (`tally`), why it all stops
(`stop`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.jobs import Batch
from walcrash.campaign.plan import CampaignPlan
from walcrash.campaign.pool import JobPool
from walcrash.campaign.preparation import Prepared
from walcrash.campaign.state import CampaignState
from walcrash.campaign.stop import Quiet, Stop
from walcrash.campaign.tally import Tally
from walcrash.campaign.time_budget import TimeBudget
from walcrash.campaign.work_ahead import WorkAhead
from walcrash.case.deadline import Deadline, TimeOver
from walcrash.case.outcome import CaseOutcome
from walcrash.values.limits import CASES_OF_A_RUN, CASES_PER_SCENARIO
from walcrash.values.log import FewCases, StopReason
from walcrash.workload.turns import turns_of

BATCH_CASES: Final = 8
"""Most cases in one batch: few, so that a campaign stops soon."""


@dataclass(slots=True, kw_only=True)
class ScenarioCases:
    """The cases of one scenario; the consumer adds each outcome to `tally` before the next.

    `settle` minimises and replays what was found, and says how long that took, None after an
    interrupt.
    `began` is when this process began the campaign, by `time.monotonic()`; `reason` says in the end
    why there are no more cases, where that was not their number; `restored` is how many were in the
    state, `spent` how long the others took, without what was found in them.
    """

    plan: CampaignPlan
    pool: JobPool
    tally: Tally
    prepared: Prepared
    budget: TimeBudget
    stop: Stop
    began: float
    settle: Callable[[], float | None]
    state: CampaignState | None = None
    reason: StopReason | None = None
    restored: int = 0
    spent: float = 0.0

    def outcomes(self) -> Iterator[CaseOutcome]:
        """Yield what the state has of the scenario, then run the rest and keep it there.

        Raises:
            HarnessFault: a job process has died, or the state cannot be used.
            WalcrashError: as `jobs.run_batch`.
        """
        state, name = self.state, self.tally.scenario.name
        if state is None:
            yield from self._until_nothing_new(self._run(first=0))
            return
        count = self._most_cases
        earlier = state.judged(name, most=count)
        self.restored = len(earlier)
        yield from self._until_nothing_new(iter([earlier]))
        reason = state.why_done(name)
        # A last case that the state has lost is judged again.
        if reason is not None and (reason is not StopReason.CASES_DONE or len(earlier) == count):
            self._end(reason)
            return
        if not self._is_nothing_new_left:
            yield from self._until_nothing_new(self._kept(state, first=len(earlier)))
        if not self.stop.is_interrupted:
            state.set_done(name, self.reason or StopReason.CASES_DONE)

    @property
    def _most_cases(self) -> int:
        """How many cases there are at most; where nothing else says it, as many as turns."""
        plan, scenario = self.plan, self.tally.scenario
        most = plan.most_cases(scenario)
        is_open = most == CASES_PER_SCENARIO and plan.seconds is None and plan.quiet_seconds is None
        if not is_open or scenario.budget.seconds is not None or plan.only_case is not None:
            return most
        return len(turns_of(scenario.faults, self.prepared.profile)) or most

    def few(self) -> FewCases | None:
        """Return that fewer cases were run than a run should have; None where there were enough.

        Where a scenario states its workload, the number that was asked for is enough; one case
        alone is, and so are those behind which nothing new came.
        """
        plan, scenario = self.plan, self.tally.scenario
        done, is_late = self.tally.cases - self.tally.pinned, self.reason is StopReason.TIME_OVER
        is_limited = plan.most_cases(scenario) < CASES_OF_A_RUN
        is_asked = self.reason is None and is_limited and scenario.workload.is_fitted
        if plan.only_case is not None or done >= CASES_OF_A_RUN or not self.tally.cases:
            return None
        if not is_late and not is_asked:
            return None
        return FewCases(
            done=done,
            of=CASES_OF_A_RUN,
            # More time alone brings no more cases than were asked for.
            seconds=0 if is_limited else self.budget.needed(done, self.restored, self.spent),
            is_restarted=bool(scenario.subject.driver)
            and "reopen" not in self.prepared.description.supports,
        )

    def _end(self, reason: StopReason) -> None:
        """Say why there are no more cases; after an interrupt that is the reason."""
        if self.stop.is_interrupted:
            self.reason = StopReason.INTERRUPTED
        elif reason is not StopReason.CASES_DONE:
            self.reason = reason
            self.stop.note(reason)

    def _kept(self, state: CampaignState, *, first: int) -> Iterator[list[CaseOutcome]]:
        """Run cases and keep them, batch by batch."""
        number = first
        for outcomes in self._run(first=first):
            seconds = state.seconds + time.monotonic() - self.began
            state.add_judged(self.tally.scenario.name, number, outcomes, seconds)
            number += len(outcomes)
            yield outcomes

    def _until_nothing_new(self, batches: Iterator[list[CaseOutcome]]) -> Iterator[CaseOutcome]:
        """Yield outcomes up to the case behind which no state is left that would be new."""
        for outcomes in batches:
            for outcome in outcomes:
                yield outcome
                if self._is_nothing_new_left:
                    self._end(StopReason.NOTHING_NEW)
                    return

    @property
    def _is_nothing_new_left(self) -> bool:
        """Whether the states are used up; never where cases were asked for by number."""
        is_counted = self.plan.cases is not None or self.plan.only_case is not None
        return not is_counted and self.tally.search.is_used_up

    def _run(self, *, first: int) -> Iterator[list[CaseOutcome]]:
        """Run cases and yield what they showed, in order, until the budget is used up."""
        number, longest = first, None
        while True:
            before = self.budget.seconds
            deadline = self.budget.for_cases(finding_seconds=longest)
            for outcomes in self._until_late(deadline, number):
                number += len(outcomes)
                yield outcomes
            self.spent += self.budget.seconds - before
            if self.reason is not StopReason.TIME_OVER or self.stop.is_interrupted:
                break
            seconds = self.settle()
            if seconds is None:
                break
            longest = max(seconds, longest or 0.0) or None
            # Each job runs a case of its own.
            if not self.budget.fits(self.plan.jobs * self.spent / max(1, number - first)):
                break
            self.reason = None
        if self.reason is not None:
            self._end(self.reason)

    def _until_late(self, deadline: Deadline, first: int) -> Iterator[list[CaseOutcome]]:
        """Hand out batches and yield what comes back, in order; then `reason` says why it ended.

        What comes back behind a batch that ended early is dropped: the log has no holes.
        """
        pool, tally, stop = self.pool, self.tally, self.stop
        pool.deadline = deadline
        batches = self._batches(deadline, first)
        ahead = WorkAhead(pool, jobs.run_batch, batches, jobs=self.plan.jobs)
        results = iter(ahead)
        quiet = Quiet(self.plan.quiet_seconds)
        try:
            while not stop.is_now:
                result = next(results, None)
                if result is None:
                    return
                batch, outcomes = result
                yield outcomes or []
                if pool.deadline.name_until is not None and tally.has_new_groups:
                    # What is under way gives way to what was found.
                    pool.deadline = Deadline(at=pool.deadline.name_until)
                if len(outcomes or []) < len(batch.indices):
                    self.reason = StopReason.TIME_OVER
                    break
                if quiet.is_over(tally.discoveries):
                    self.reason = StopReason.QUIET
                    ahead.stop()
                    return
        except TimeOver:
            self.reason = StopReason.TIME_OVER
        except GeneratorExit:
            ahead.stop()
            raise
        if ahead.stop():
            self.reason = StopReason.TIME_OVER

    def _batches(self, deadline: Deadline, first: int) -> Iterator[Batch]:
        plan, tally, scenario = self.plan, self.tally, self.tally.scenario
        size = BATCH_CASES
        if deadline.at is not None or plan.quiet_seconds is not None:
            size = self.prepared.costs.batch_cases(scenario, BATCH_CASES)
        indices = range(self._most_cases) if plan.only_case is None else [plan.only_case]
        for start in range(first, len(indices), size):
            # A job does not know which failures are of groups that were minimised.
            is_all_known = tally.has_groups and not tally.has_new_groups
            yield Batch(
                scenario=scenario,
                description=self.prepared.description,
                profile=self.prepared.profile,
                master_seed=plan.master_seed,
                indices=tuple(indices[start : start + size]),
                begun_until=deadline.at,
                begun_until_found=deadline.at if is_all_known else deadline.name_until,
                is_found=tally.has_new_groups,
                keeps_evidence=True,
                plane=plan.plane,
            )
