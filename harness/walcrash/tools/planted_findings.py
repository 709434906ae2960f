"""Findings of planted bugs: each bug as a campaign of its own cases, minimised as a user sees it.

Right subjects are left out.

Not here: what the findings say (`planted_fates`), how many there are (`planted_causes`).
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from walcrash.campaign import jobs
from walcrash.campaign.campaign import Campaign
from walcrash.campaign.plan import CampaignPlan
from walcrash.campaign.pool import MakeExecutor
from walcrash.scenario.file import load_scenario
from walcrash.values.finding import Finding
from walcrash.values.limits import CASES_PER_SCENARIO
from walcrash.values.log import FindingReported, ScenarioEnded
from walcrash.values.planted import Planted
from walcrash.values.scenario import Budget


def planted_findings(
    chosen: Sequence[Planted],
    *,
    job_count: int,
    seed: str,
    most_cases: int = CASES_PER_SCENARIO,
    seconds: float | None = None,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Iterator[tuple[Planted, tuple[Finding, ...]]]:
    """Run planted bugs; yield each with its findings, the notes on portability aside.

    Args:
        chosen: planted subjects.
        job_count: how many processes run cases.
        seed: the master seed.
        most_cases: cases of one bug, where it does not state fewer.
        seconds: the time budget of all of them together, in place of any number of cases.
        make_executor: makes the job processes.

    Raises:
        WalcrashError: the harness could not do its work.
    """
    bugs = {planted.name: planted for planted in chosen if planted.invariant is not None}
    scenarios = tuple(
        replace(
            load_scenario(bug.path),
            budget=Budget(
                cases=min(bug.within_cases, most_cases) if seconds is None else None,
            ),
            pinned=(),
        )
        for bug in bugs.values()
    )
    with tempfile.TemporaryDirectory(prefix="walcrash-planted-") as runs:
        plan = CampaignPlan(
            scenarios=scenarios,
            master_seed=seed,
            jobs=job_count,
            cases=None,
            seconds=seconds,
            only_case=None,
            runs=Path(runs),
            is_portability_reported=False,
        )
        found: dict[str, list[Finding]] = {}
        for line in Campaign(plan, make_executor=make_executor).lines():
            match line:
                case FindingReported():
                    found.setdefault(line.finding.scenario, []).append(line.finding)
                case ScenarioEnded():
                    yield bugs[line.scenario], tuple(found.get(line.scenario, ()))
                case _:
                    pass
