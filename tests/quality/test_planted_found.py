"""The finding power: each planted bug is found by the invariant meant for it, on every seed.

The right subjects beside them must never be accused. A few seconds for one seed, two minutes for
ten on two processors.
"""

import pytest

from walcrash.tools.selftest import choose, run_planted
from walcrash.values.planted import PlantedResult

JOBS = 2


def wrong(results: list[PlantedResult]) -> list[str]:
    """Return one line for each subject and seed that did not go as expected."""
    return [
        f"{result.planted.name}, seed {run.seed}: found by {run.found_by} in {run.cases} cases, "
        f"{run.problem}"
        for result in results
        for run in result.runs
        if not result.is_as_expected
    ]


def test_each_planted_bug_is_found_by_the_invariant_meant_for_it() -> None:
    bugs = [planted for planted in choose([]) if planted.invariant is not None]
    results = list(run_planted(bugs, seeds=1, job_count=JOBS))
    assert len(results) == len(bugs) >= 22
    assert wrong(results) == []


@pytest.mark.slow
def test_ten_seeds_find_each_planted_bug_and_accuse_no_right_subject() -> None:
    assert wrong(list(run_planted(choose([]), seeds=10, job_count=JOBS))) == []
