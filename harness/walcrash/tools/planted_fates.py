"""Fates of planted bugs: what their findings say became of a record, and what is planted.

Each bug is run as a campaign of its own cases on one seed; its findings are minimised and shown
as a user sees them. A finding may be silent. What it says must be the cause that is planted, which
`expected.toml` states as marks.

Not here: whether the bugs are found on every seed (`selftest`).
"""

import ast
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.campaign import Campaign
from walcrash.campaign.plan import CampaignPlan
from walcrash.campaign.pool import MakeExecutor
from walcrash.scenario.file import load_scenario
from walcrash.values.finding import Finding
from walcrash.values.log import FindingReported, ScenarioEnded
from walcrash.values.planted import Planted, PlantedFate
from walcrash.values.scenario import Budget

SEED: Final = "fates"
"""The master seed: a published table can be made again."""


def run_fates(
    chosen: Sequence[Planted],
    *,
    job_count: int,
    seed: str = SEED,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Iterator[PlantedFate]:
    """Run planted bugs; yield what the findings of each say. Right subjects are left out.

    Args:
        chosen: planted subjects.
        job_count: how many processes run cases.
        seed: the master seed.
        make_executor: makes the job processes.

    Raises:
        WalcrashError: the harness could not do its work.
    """
    bugs = {planted.name: planted for planted in chosen if planted.invariant is not None}
    scenarios = tuple(
        replace(load_scenario(bug.path), budget=Budget(cases=bug.within_cases), pinned=())
        for bug in bugs.values()
    )
    with tempfile.TemporaryDirectory(prefix="walcrash-fates-") as runs:
        plan = CampaignPlan(
            scenarios=scenarios,
            master_seed=seed,
            jobs=job_count,
            cases=None,
            seconds=None,
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
                    bug = bugs[line.scenario]
                    findings = tuple(found.get(line.scenario, ()))
                    yield PlantedFate(planted=bug, cause=_cause(bug), findings=findings)
                case _:
                    pass


def _cause(bug: Planted) -> str:
    """Return the first sentence of a planted subject's module."""
    adapter, _, _ = load_scenario(bug.path).subject.adapter.rpartition(":")
    text = ast.get_docstring(ast.parse(Path(adapter).read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ")
