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
from walcrash.values.planted import Planted, PlantedCauses, SeenFinding

CASES: Final = 12
"""Cases of one bug on one seed; of one that takes more to be found, half of what it states."""


def run_causes(
    chosen: Sequence[Planted],
    *,
    seeds: int,
    job_count: int,
    seconds: float | None = None,
    commit: str = "",
    make_executor: MakeExecutor = jobs.make_executor,
) -> Iterator[PlantedCauses]:
    """Run planted bugs on the seeds 0, 1, ...; yield the findings of each. Right ones are left out.

    Args:
        chosen: planted subjects.
        seeds: how many seeds.
        job_count: how many processes run cases.
        seconds: the time budget of a bug on a seed, in place of a number of cases.
        commit: what is run.
        make_executor: makes the job processes.

    Raises:
        WalcrashError: the harness could not do its work.
    """
    for bug in chosen:
        if bug.invariant is None:
            continue
        found: list[tuple[SeenFinding, ...]] = []
        for seed in range(seeds):
            one = planted_findings(
                (bug,),
                job_count=job_count,
                seed=str(seed),
                most_cases=max(CASES, bug.within_cases // 2),
                seconds=seconds,
                make_executor=make_executor,
            )
            for _, findings in one:
                found.append(
                    tuple(SeenFinding(id=f.id, invariant=f.worst.invariant) for f in findings)
                )
        yield PlantedCauses(name=bug.name, seeds=tuple(found), commit=commit, seconds=seconds)
