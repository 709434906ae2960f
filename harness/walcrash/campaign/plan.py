"""Plans: what a campaign is asked to do, and how many cases that is.

Not here: how the time is shared (`time_budget`), what a campaign does (`campaign`).
"""

from dataclasses import dataclass
from pathlib import Path

from walcrash.minimise.trial import TRIES
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.scenario import DEFAULT_CASES, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What a campaign is to do.

    Attributes:
        scenarios: in the order in which they run.
        master_seed: an integer in decimal digits, or any text.
        jobs: how many processes run cases.
        cases: cases a scenario, instead of its own budget.
        seconds: time for the whole campaign, instead of the scenarios' own; each scenario gets
            an equal share of what is left when it begins. Without it and `quiet_seconds`, and with
            `cases` or `only_case`, nothing is decided by the clock.
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
        quiet_seconds: a scenario gets no more cases when nothing new came for so long; None where
            no such end was asked for.
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
    quiet_seconds: float | None = None

    def most_cases(self, scenario: Scenario) -> int:
        """Return how many cases of its own a scenario gets at most; see `most_cases`."""
        if self.only_case is not None:
            return 1
        found = most_cases(
            scenario, cases=self.cases, seconds=self.seconds, quiet_seconds=self.quiet_seconds
        )
        return CASES_PER_SCENARIO if found is None else found


def case_counts(plan: CampaignPlan) -> dict[str, int | None]:
    """Return for each scenario's name the most cases; None for one that no number ends."""
    counts = {scenario.name: plan.most_cases(scenario) for scenario in plan.scenarios}
    return {name: count if count < CASES_PER_SCENARIO else None for name, count in counts.items()}


def most_cases(
    scenario: Scenario,
    *,
    cases: int | None,
    seconds: float | None,
    quiet_seconds: float | None,
) -> int | None:
    """Return how many cases a scenario gets at most; None where no number ends it.

    A number that was asked for counts. Without one, a time budget is spent: the cases that a
    scenario has by default do not cut it short, those that its file states do. An end where nothing
    new comes lifts both. Where faults have their turns, these are the number; it is known behind
    the control cases.

    Args:
        scenario: it.
        cases: the number that was asked for.
        seconds: the time budget of the whole campaign, if there is one.
        quiet_seconds: see `CampaignPlan`.
    """
    if cases is not None:
        return cases
    budget = scenario.budget
    is_timed = seconds is not None or budget.seconds is not None
    if quiet_seconds is not None or (is_timed and budget.cases is None):
        return None
    if budget.cases is None and any(plan.in_turn for plan in scenario.faults):
        return None
    return DEFAULT_CASES if budget.cases is None else budget.cases
