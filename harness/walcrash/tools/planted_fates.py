"""Fates of planted bugs: what their findings say became of a record, and what is planted.

Each bug is run as a campaign of its own cases on one seed; its findings are minimised and shown
as a user sees them. A finding may be silent. What it says must be the cause that is planted, which
`expected.toml` states as marks.

Not here: whether the bugs are found on every seed (`selftest`).
"""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import MakeExecutor
from walcrash.scenario.file import load_scenario
from walcrash.tools.planted_findings import planted_findings
from walcrash.values.planted import Planted, PlantedFate

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
    for bug, findings in planted_findings(
        chosen, job_count=job_count, seed=seed, make_executor=make_executor
    ):
        yield PlantedFate(planted=bug, cause=_cause(bug), findings=findings)


def _cause(bug: Planted) -> str:
    """Return the first sentence of a planted subject's module."""
    adapter, _, _ = load_scenario(bug.path).subject.adapter.rpartition(":")
    text = ast.get_docstring(ast.parse(Path(adapter).read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ")
