"""The time of one scenario: who gets how much of it, and what is said where it was not enough.

Only a time budget (`--time`, `seconds` in a scenario) looks at the clock. What was found is
minimised and replayed, and what that leaves goes to cases again; kept cases come before a
scenario's own and get a part, so that the scenario gets one too.

Not here: how work ends at its deadline (`walcrash.case.deadline`, `pool`).
"""

import math
import time
from dataclasses import dataclass
from typing import Final

from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.values.faults import FaultKind
from walcrash.values.limits import CASES_OF_A_RUN
from walcrash.values.log import CutWork, TimeCut
from walcrash.values.scenario import Scenario
from walcrash.workload.ramp import FULL_RAMP, ramped, with_images

KEPT_SHARE: Final = 0.5
"""Most of a scenario's time that its kept cases get."""

RESERVED_SHARE: Final = 0.25
"""Part of the time of a scenario's cases that is left for what they show first."""

RESERVED_SECONDS: Final = 60.0
"""Most that is left for them."""

REPLAY_SHARE: Final = 0.4
"""Most of the time for findings that minimising leaves for replays; all of that if unmeasured."""

FURTHER_SHARE: Final = 0.5
"""Most of the time of cases that go on that is left for what they show."""

MOMENT_SECONDS: Final = 0.5
"""How long after the end the story of a finding may still be told from what a job has left."""

BATCH_SECONDS: Final = 1.0
"""About how long a batch of cases should take where there is a time budget."""

_ROUNDED_UP: Final = 1.2
"""By how much more is asked for than was measured."""

_TENS: Final = 10
"""What a time for many cases is rounded up to, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBudget:
    """When one scenario has to end; `at` is of `time.monotonic()`, None where there is no end."""

    began: float
    at: float | None = None

    @classmethod
    def lasting(cls, seconds: float | None) -> "TimeBudget":
        """Return a budget that begins now."""
        now = time.monotonic()
        return cls(began=now, at=None if seconds is None else now + max(0.0, seconds))

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        *,
        end: float | None,
        scenarios_left: int,
        is_counted: bool,
        used: float,
    ) -> "TimeBudget":
        """Return a scenario's time, from now on.

        Args:
            scenario: it; it may have a time of its own.
            end: of the campaign, by `time.monotonic()`; None where that has no time budget.
            scenarios_left: how many scenarios share what is left until then.
            is_counted: whether cases were asked for by number, so that no clock decides.
            used: how long the scenario has been run before, seconds.
        """
        if end is not None:
            return cls.lasting((end - time.monotonic()) / scenarios_left)
        if is_counted or scenario.budget.seconds is None:
            return cls.lasting(None)
        return cls.lasting(scenario.budget.seconds - used)

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.began

    @property
    def is_long_over(self) -> bool:
        """Whether there is no time left even for what takes a moment."""
        return self.at is not None and time.monotonic() >= self.at + MOMENT_SECONDS

    def needed(self, done: int, restored: int, took: float) -> int:
        """Return about how many seconds a run with enough cases takes; 0 where that is not known.

        Args:
            done: how many cases there are.
            restored: how many of these an earlier process ran.
            took: how long the others took, and what was under way when the time was over.
        """
        if restored or not done:
            return 0
        # Half of a first case is what all cases cost; the rest goes with the states that it judges.
        costs = [1 + ramped(FULL_RAMP, index) for index in range(CASES_OF_A_RUN)]
        rest = took * sum(costs[done:]) / sum(costs[:done])
        return _TENS * math.ceil((self.seconds + rest) * _ROUNDED_UP / _TENS)

    def part(self, share: float) -> Deadline:
        """Return the deadline of work that gets a part of what is left."""
        if self.at is None:
            return NO_DEADLINE
        now = time.monotonic()
        return Deadline(at=now + max(0.0, self.at - now) * share)

    def for_cases(self, *, finding_seconds: float | None = None) -> Deadline:
        """Return the deadline of the cases that begin now; a failure is named before.

        Args:
            finding_seconds: how long it took to minimise and to replay what was found so far; None
                where nothing was.
        """
        if self.at is None:
            return NO_DEADLINE
        left = max(0.0, self.at - time.monotonic())
        if finding_seconds is None:
            kept = min(RESERVED_SECONDS, left * RESERVED_SHARE)
        else:
            kept = min(finding_seconds * _ROUNDED_UP, left * FURTHER_SHARE)
        return Deadline(at=self.at, name_until=self.at - kept)

    def for_minimising(self, *, replay_seconds: float) -> Deadline:
        """Return the deadline of minimising that begins now.

        Args:
            replay_seconds: about how long the replays behind it take; 0 where that is unknown.
        """
        if self.at is None:
            return NO_DEADLINE
        most = max(0.0, self.at - time.monotonic()) * REPLAY_SHARE
        kept = min(replay_seconds * _ROUNDED_UP, most) if replay_seconds else most
        return Deadline(at=self.at - kept)

    def fits(self, seconds: float) -> bool:
        """Whether there is time for work that takes so long."""
        return self.at is None or time.monotonic() + max(seconds, BATCH_SECONDS) < self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What preparing a scenario took.

    Attributes:
        load_seconds: to load the subject.
        control_seconds: until its control cases were over, by the clock.
        job_seconds: what the jobs spent on them together: several may run at once.
        controls: how many of them were run.
        starts: how often they started the subject: boots and recoveries.
        recoveries: how many of these were recoveries.
    """

    load_seconds: float = 0.0
    control_seconds: float = 0.0
    job_seconds: float = 0.0
    controls: int = 0
    starts: int = 0
    recoveries: int = 0

    @property
    def start_seconds(self) -> float:
        """What one start of the subject costs, with its share of all the rest."""
        return self.job_seconds / max(1, self.starts)

    def longest_case_seconds(self, scenario: Scenario) -> float:
        """Return how long a case may take: all its boots, and all images of a power loss."""
        images = [plan.most_images for plan in scenario.faults if plan.kind is FaultKind.POWER]
        return self._seconds(scenario, max([1, *images]))

    def first_case_seconds(self, scenario: Scenario) -> float:
        """Return about how long a first case takes, which judges few images (`workload.ramp`).

        Which fault it has is drawn, so it has as many images as its faults have in the mean.
        """
        plans = [with_images(plan, 0) for plan in scenario.faults]
        images = sum(
            plan.weight * (plan.most_images if plan.kind is FaultKind.POWER else 1)
            for plan in plans
        )
        return self._seconds(scenario, images / max(1, sum(plan.weight for plan in plans)))

    def _seconds(self, scenario: Scenario, images: float) -> float:
        recoveries = self.recoveries / max(1, self.controls)
        return (scenario.workload.usual_boots + images * recoveries) * self.start_seconds

    def replay_seconds(self, boots: int) -> float:
        """Return about how long a case takes that is run once more, without a search."""
        return (boots + self.recoveries / max(1, self.controls)) * self.start_seconds

    def batch_cases(self, scenario: Scenario, most: int) -> int:
        """Return how many cases make a batch that does not take long."""
        return max(
            1, min(most, int(BATCH_SECONDS / max(1e-6, self.longest_case_seconds(scenario))))
        )


def no_case_text(
    scenario: Scenario,
    costs: Costs | None,
    *,
    controls: int,
    seconds: float,
    case_seconds: float = 0.0,
) -> str:
    """Say why no case was run in the time that there was, and how much is needed.

    Args:
        scenario: it.
        costs: what preparing it took; None where it did not even get that far.
        controls: how many control cases belong to it.
        seconds: how long it had.
        case_seconds: how long of these its cases had.
    """
    if costs is None or not costs.controls:
        loaded = "" if costs is None else f"; loading the subject took {costs.load_seconds:.1f} s"
        return (
            f"no case was run: the time was over after {seconds:.1f} s, before the first of "
            f"{controls} cases without a crash had ended{loaded}. More time is needed"
        )
    each = costs.control_seconds / costs.controls
    kept = max(0.0, seconds - costs.load_seconds - costs.control_seconds - case_seconds)
    if costs.controls < controls:
        kept = 0.0
    # The first case took longer than it had.
    case = max(costs.first_case_seconds(scenario), case_seconds)
    needed = costs.load_seconds + controls * each + case + kept
    rest = f", all else {kept:.1f} s" if kept >= 0.1 else ""
    had = f"; the first case had not ended after {case_seconds:.1f} s" if case_seconds else ""
    # A workload that is fitted has controls of its own besides.
    ran = f"{costs.controls} of {controls}" if costs.controls < controls else f"{costs.controls}"
    return (
        f"no case was run: the time was over after {seconds:.1f} s. Loading the subject took "
        f"{costs.load_seconds:.1f} s, {ran} cases without a crash "
        f"{costs.control_seconds:.1f} s{rest}{had}; a start of the subject takes "
        f"{1000 * costs.start_seconds:.0f} ms, a first case about {case:.1f} s. "
        f"About {math.ceil(needed * _ROUNDED_UP)} s are needed for this scenario"
    )


_WORDS: Final = {
    CutWork.PINNED: "pinned cases were run",
    CutWork.KEPT: "kept findings were run again",
    CutWork.CASES: "cases were run",
    CutWork.MINIMISING: "groups of failing cases, those of notes included, were minimised to the "
    "end",
    CutWork.REPLAYS: "replays were made",
}


def cuts_text(cuts: list[TimeCut]) -> str:
    """Say what the time was not enough for; empty where it was enough."""
    parts = [f"{cut.done} of {cut.of} {_WORDS[cut.what]}{_rest(cut)}" for cut in cuts]
    return f"the time was not enough: {', '.join(parts)}" if parts else ""


def _rest(cut: TimeCut) -> str:
    """Return what the groups may be that were not minimised; one alone is a bug already."""
    if cut.what is not CutWork.MINIMISING or cut.of < 2 or cut.done == cut.of:
        return ""
    if not cut.done:
        return " (each may be a bug of its own)"
    return " (the others may be bugs of their own)"
