"""The finding power: each planted bug is found by the invariant meant for it, on every seed.

The right subjects beside them must never be accused. A second for each bug, six minutes for all
subjects on ten seeds; `walcrash selftest` runs all of them on its seeds.
"""

from collections.abc import Callable

import pytest
from command import InThisProcess

from walcrash.tools.selftest import choose, run_planted
from walcrash.values.contract import PersistenceModel
from walcrash.values.planted import Planted, PlantedResult
from walcrash.values.verdict import Invariant

JOBS = 2

OF_MANY_IMAGES = ("revived-tail",)
"""It is alone of its kind, and needs as many images as ten others; the slow test has it."""

QUICK_MODELS = {
    Invariant.LOST_PUT: PersistenceModel.POSIX,
    Invariant.UNRECOVERABLE: PersistenceModel.ORDERED,
    Invariant.CHECKPOINT_AHEAD: PersistenceModel.EXT4,
}
"""Where the quick test has the bug that one model shows, so that each model shows one."""


def wrong(results: list[PlantedResult]) -> list[str]:
    """Return one line for each subject and seed that did not go as expected."""
    return [
        f"{result.planted.name}, seed {run.seed}: found by {run.found_by} in {run.cases} cases, "
        f"{run.problem}"
        for result in results
        for run in result.runs
        if not result.is_as_expected
    ]


def one_of_each_kind() -> list[Planted]:
    """Return of all bugs that one invariant shows in one model the first that shows soonest."""
    kinds: dict[tuple[Invariant, PersistenceModel | None], Planted] = {}
    for planted in choose([]):
        if planted.invariant is None or planted.name in OF_MANY_IMAGES:
            continue
        known = kinds.setdefault((planted.invariant, planted.model), planted)
        if planted.within_cases < known.within_cases:
            kinds[planted.invariant, planted.model] = planted
    return list(kinds.values())


def one_of_each_invariant() -> list[Planted]:
    """Return of these one for each invariant: the first, or that in the model which it is for."""
    chosen: dict[Invariant, Planted] = {}
    for planted in one_of_each_kind():
        assert planted.invariant is not None
        known = chosen.setdefault(planted.invariant, planted)
        if planted.model is QUICK_MODELS.get(planted.invariant, known.model):
            chosen[planted.invariant] = planted
    return list(chosen.values())


@pytest.mark.parametrize(
    ("choose_bugs", "least"),
    [
        pytest.param(one_of_each_invariant, 16, id="of each invariant and of each model"),
        pytest.param(one_of_each_kind, 22, marks=pytest.mark.slow, id="of each kind"),
    ],
)
def test_a_planted_bug_is_found_by_the_invariant_meant_for_it(
    choose_bugs: Callable[[], list[Planted]], least: int
) -> None:
    bugs = choose_bugs()
    known = [planted for planted in choose([]) if planted.invariant is not None]
    assert {planted.invariant for planted in bugs} == {planted.invariant for planted in known}
    assert {planted.model for planted in bugs} == {planted.model for planted in known}
    results = list(run_planted(bugs, seeds=1, job_count=1, make_executor=InThisProcess))
    assert len(results) == len(bugs) >= least
    assert wrong(results) == []


@pytest.mark.slow
def test_ten_seeds_find_each_planted_bug_and_accuse_no_right_subject() -> None:
    assert wrong(list(run_planted(choose([]), seeds=10, job_count=JOBS))) == []
