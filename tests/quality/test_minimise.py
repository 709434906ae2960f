"""Minimal cases: a planted bug's finding shrinks to the known minimum, and always to the same.

`minimal_operations` in `expected.toml` says what the bug needs. Two seconds for each bug and seed.
"""

from functools import cache

import pytest

from walcrash.campaign import jobs
from walcrash.campaign.preparation import prepare
from walcrash.case.outcome import CaseOutcome
from walcrash.minimise.job import MinimalCase, minimise_case
from walcrash.scenario.file import load_scenario
from walcrash.tools.selftest import choose
from walcrash.values.case_file import StoredCase
from walcrash.values.planted import Planted
from walcrash.values.verdict import Verdict

BUGS = [planted for planted in choose([]) if planted.minimal_operations is not None]

QUICK = [planted for planted in BUGS if planted.name in (
    "uncut-tail", "never-requeued", "unsynced-temporary", "never-synced",
)]  # fmt: skip

OF_CRASHES = [planted for planted in BUGS if not planted.is_plain]


@cache
def first_failure(planted: Planted, seed: str) -> tuple[StoredCase, CaseOutcome]:
    """Return the first failing case of a planted bug."""
    scenario = load_scenario(planted.path)
    prepared = prepare(scenario, seed)
    for index in range(planted.within_cases):
        (outcome,) = jobs.run_batch(
            jobs.Batch(
                scenario=scenario,
                description=prepared.description,
                profile=prepared.profile,
                master_seed=seed,
                indices=(index,),
            )
        )
        if outcome.verdict is Verdict.FAIL:
            assert outcome.stored is not None
            return outcome.stored, outcome
    raise AssertionError(f"{planted.name} was not found with seed {seed}")


@cache
def minimal(planted: Planted, seed: str) -> tuple[CaseOutcome, MinimalCase]:
    """Return the first failing case of a planted bug, and what it shrinks to."""
    stored, outcome = first_failure(planted, seed)
    meant = outcome.worst.invariant
    return outcome, minimise_case(stored, meant, is_portability=False)


def assert_small(planted: Planted, seed: str) -> None:
    before, found = minimal(planted, seed)
    assert found.outcome is not None
    assert found.outcome.verdict is Verdict.FAIL
    assert found.outcome.worst.invariant is before.worst.invariant
    assert planted.minimal_operations is not None
    assert found.outcome.operations <= planted.minimal_operations, found.outcome.stored
    assert len(found.outcome.boots) <= len(before.boots)
    assert found.is_finished


def test_the_table_states_the_minimum_of_many_bugs_and_of_each_only_what_is_small() -> None:
    assert len(BUGS) >= 40
    assert len(QUICK) == 4
    assert sum(planted.minimal_operations <= 3 for planted in BUGS) >= 35


@pytest.mark.parametrize("planted", QUICK, ids=lambda planted: planted.name)
def test_a_finding_shrinks_to_the_known_minimum(planted: Planted) -> None:
    assert_small(planted, "1")


@pytest.mark.slow
@pytest.mark.parametrize("planted", OF_CRASHES, ids=lambda planted: planted.name)
def test_every_finding_shrinks_to_the_known_minimum(planted: Planted) -> None:
    """Plain findings come from control cases, which no index draws: `e2e/test_plain.py`."""
    assert_small(planted, "0")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
@pytest.mark.parametrize("planted", OF_CRASHES, ids=lambda planted: planted.name)
def test_every_finding_shrinks_to_the_known_minimum_on_more_seeds(
    planted: Planted, seed: str
) -> None:
    """Too long for CI."""
    assert_small(planted, seed)


@pytest.mark.parametrize(
    "name",
    [
        "never-requeued",
        pytest.param("uncut-tail", marks=pytest.mark.slow),
        pytest.param("never-synced", marks=pytest.mark.slow),
        pytest.param("torn-group", marks=pytest.mark.slow),
    ],
)
def test_the_same_case_gives_the_same_minimal_case(name: str) -> None:
    (planted,) = choose([name])
    stored, outcome = first_failure(planted, "1")
    meant = outcome.worst.invariant
    _, one = minimal(planted, "1")
    assert minimise_case(stored, meant, is_portability=False) == one
    assert one.outcome is not None
    assert one.outcome.stored is not None
    more = minimise_case(one.outcome.stored, meant, is_portability=False)
    assert more.outcome is not None
    assert more.outcome.operations == one.outcome.operations


def test_a_case_that_does_not_fail_again_is_left_as_it_is() -> None:
    (planted,) = choose(["buffered-append"])
    stored, outcome = first_failure(planted, "1")
    (right,) = choose(["right-plain"])
    scenario = load_scenario(right.path)
    prepare(scenario, "1")
    other = StoredCase(
        case=stored.case,
        subject=scenario.subject,
        contract=stored.contract,
        supports=stored.supports,
        invariants=stored.invariants,
        limits=stored.limits,
    )
    found = minimise_case(other, outcome.worst.invariant, is_portability=False)
    assert found == MinimalCase(outcome=None, tries=0, is_finished=False, own=other)


def test_no_tries_for_it_leave_the_case_as_it_is() -> None:
    (planted,) = choose(["uncut-tail"])
    stored, outcome = first_failure(planted, "1")
    found = minimise_case(stored, outcome.worst.invariant, most_tries=0, is_portability=False)
    assert found.outcome is not None
    assert not found.is_finished
    assert found.tries == 0
    assert found.outcome.stored is not None
    assert found.outcome.stored.case == stored.case
