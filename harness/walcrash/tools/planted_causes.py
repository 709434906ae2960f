"""Causes of planted bugs: one bug is one finding, with one id on every seed.

Each bug is run as a campaign on several seeds, and its findings are minimised and joined as a user
sees them.

Not here: whether the bugs are found on every seed (`selftest`), what findings say
(`planted_fates`).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import MakeExecutor
from walcrash.tools.planted_findings import planted_findings
from walcrash.values.finding import Finding
from walcrash.values.planted import Planted, PlantedCauses

CASES: Final = 12
"""Cases of one bug on one seed; of one that takes more to be found, half of what it states."""


def run_causes(
    chosen: Sequence[Planted],
    *,
    seeds: int,
    job_count: int,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Iterator[PlantedCauses]:
    """Run planted bugs on the seeds 0, 1, ...; yield the findings of each. Right ones are left out.

    Args:
        chosen: planted subjects.
        seeds: how many seeds.
        job_count: how many processes run cases.
        make_executor: makes the job processes.

    Raises:
        WalcrashError: the harness could not do its work.
    """
    for bug in chosen:
        if bug.invariant is None:
            continue
        runs: list[tuple[Finding, ...]] = []
        for seed in range(seeds):
            one = planted_findings(
                (bug,),
                job_count=job_count,
                seed=str(seed),
                most_cases=max(CASES, bug.within_cases // 2),
                make_executor=make_executor,
            )
            runs += [findings for _, findings in one]
        yield PlantedCauses(planted=bug, runs=tuple(runs))
