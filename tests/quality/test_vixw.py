"""The Vix.cpp log: what it keeps is not held against it, each weakness is found by its rule."""

from pathlib import Path

import pytest
from command import InThisProcess

from walcrash.scenario.file import load_scenario
from walcrash.subjects.vixw import VixwAdapter
from walcrash.tools.selftest import run_planted
from walcrash.values.contract import PersistenceModel, Promise
from walcrash.values.planted import Planted
from walcrash.values.verdict import Invariant

DIRECTORY = Path(__file__).parents[2] / "scenarios" / "engines"
JOBS = 2
ROWS = {
    "vixw-blind-append": (Invariant.LOST_PUT, PersistenceModel.KILL),
    "vixw-missing-checksum": (Invariant.PHANTOM_RECORD, PersistenceModel.KILL),
    "vixw-misread-length": (Invariant.UNRECOVERABLE, PersistenceModel.KILL),
    "vixw-runs-of-zeros": (Invariant.ALTERED_RECORD, PersistenceModel.EXT4),
    "vixw-unsynced": (Invariant.LOST_PUT, PersistenceModel.ORDERED),
    "vixw-flushed": (None, None),
}


def expected(name: str, right_cases: int = 50) -> Planted:
    invariant, model = ROWS[name]
    path = DIRECTORY / f"{name}.toml"
    cases = load_scenario(path).budget.cases
    return Planted(
        name=name,
        invariant=invariant,
        needs="",
        within_cases=right_cases if invariant is None else cases,
        path=path,
        model=model,
    )


SLOW = {"vixw-flushed"}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if each in SLOW else ()) for each in ROWS]
)
def test_each_scenario_of_the_log_shows_what_it_says_and_nothing_else(name: str) -> None:
    (result,) = run_planted(
        [expected(name, right_cases=25)], seeds=2, job_count=1, make_executor=InThisProcess
    )
    assert result.is_as_expected, [
        (run.found_by, run.model, run.cases, run.problem) for run in result.runs
    ]


@pytest.mark.slow
def test_ten_seeds_show_each_weakness_of_the_log() -> None:
    results = list(run_planted([expected(name) for name in ROWS], seeds=10, job_count=JOBS))
    wrong = [
        (result.planted.name, run.seed, run.found_by, run.model, run.problem)
        for result in results
        for run in result.runs
        if not result.is_as_expected
    ]
    assert wrong == []


def test_every_scenario_of_the_log_is_looked_at() -> None:
    assert {path.stem for path in DIRECTORY.glob("vixw-*.toml")} == set(ROWS)


def test_the_adapter_promises_no_more_than_holds_with_a_kill_within_a_write() -> None:
    contract = VixwAdapter(fsync_on_write=True).contract
    assert (contract.kill, contract.power) == (Promise.NONE, Promise.NONE)
    assert not contract.detects
