"""The engines' scenarios: safe settings pass, documented losses are found by the right rule."""

from pathlib import Path

import pytest
from command import InThisProcess
from needs import lacking

from walcrash.campaign import jobs
from walcrash.campaign.pool import MakeExecutor
from walcrash.scenario.file import load_scenario
from walcrash.subjects.loading import MissingPackage, find_adapter, make_adapter
from walcrash.tools.selftest import run_planted
from walcrash.values.planted import Planted
from walcrash.values.verdict import Invariant

DIRECTORY = Path(__file__).parents[2] / "scenarios" / "engines"
JOBS = 2
ROWS = {
    "sqlite-wal-full-power": None,
    "sqlite-wal-normal-power": None,
    "sqlite-wal-normal-power-loss": Invariant.LOST_PUT,
    "sqlite-delete-full-power-loss": Invariant.LOST_PUT,
    "sqlite-delete-extra-power": None,
    "sqlite-wal-off-kill": None,
    "sqlite-journal-off-kill-loss": Invariant.UNRECOVERABLE,
    "lmdb-power": None,
    "lmdb-kill": None,
    "lmdb-nometasync-power-loss": Invariant.LOST_PUT,
    "lmdb-nosync-power-loss": Invariant.UNRECOVERABLE,
    "leveldb-kill": None,
    "leveldb-first-manifest-power-loss": Invariant.UNRECOVERABLE,
    "leveldb-mixed-sync-power-loss": Invariant.ORDER,
    "rocksdb-kill": None,
    "rocksdb-no-wal-kill-loss": Invariant.LOST_PUT,
    "rocksdb-power-loss": Invariant.LOST_PUT,
    "duckdb-kill": None,
    "gdbm-kill-loss": Invariant.UNRECOVERABLE,
    "dbm-dumb-kill-loss": Invariant.LOST_PUT,
    "zodb-kill": None,
    "zodb-power": Invariant.UNRECOVERABLE,
    "zodb-pack-kill-loss": Invariant.LOST_PUT,
    "atomic-file-power": None,
    "atomic-file-no-directory-sync-power-loss": Invariant.LOST_PUT,
    "atomic-file-in-place-kill-loss": Invariant.UNRECOVERABLE,
    "redis-everysec-kill": None,
    "redis-everysec-power-loss": Invariant.LOST_PUT,
    "redis-everysec-slow": None,
    "redis-everysec-slow-kill-loss": Invariant.LOST_PUT,
    "redis-always-power": None,
    "redis-always-zero-tail-loss": Invariant.UNRECOVERABLE,
    "redis-new-directory-posix-loss": Invariant.LOST_PUT,
    "postgresql-kill": None,
    "postgresql-power": None,
    "postgresql-no-fsync-power-loss": Invariant.LOST_PUT,
    "postgresql-asynchronous-power": None,
    "postgresql-asynchronous-kill-loss": Invariant.LOST_PUT,
}


def planted(name: str) -> Planted:
    """Return what is expected, or skip where the engine is not installed (not in CI)."""
    path = DIRECTORY / f"{name}.toml"
    scenario = load_scenario(path)
    try:
        make_adapter(find_adapter(scenario.subject.adapter), scenario.subject.options)
    except MissingPackage as missing:
        lacking(f"{missing}; {missing.hint}")
    return Planted(
        name=name,
        invariant=ROWS[name],
        needs="",
        within_cases=scenario.budget.cases,
        path=path,
        model=None,
    )


QUICK = [
    "sqlite-wal-off-kill",
    "sqlite-delete-full-power-loss",
    "atomic-file-no-directory-sync-power-loss",
    "dbm-dumb-kill-loss",
]
"""What every run of the tests tries; the others are slow tests."""


def check(name: str, seeds: int, make_executor: MakeExecutor = jobs.make_executor) -> None:
    (result,) = run_planted(
        [planted(name)], seeds=seeds, job_count=JOBS, make_executor=make_executor
    )
    shown = [(run.found_by, run.model, run.cases, run.problem) for run in result.runs]
    found = {run.found_by for run in result.runs}
    assert found == {ROWS[name]}, shown
    assert not any(run.problem for run in result.runs), shown


@pytest.mark.parametrize("name", QUICK)
def test_each_engine_shows_what_its_scenario_says(name: str) -> None:
    check(name, 1, InThisProcess)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if name not in QUICK])
def test_every_other_engine_shows_what_its_scenario_says(name: str) -> None:
    check(name, 2)


def test_every_scenario_of_an_engine_is_looked_at() -> None:
    stems = {path.stem for path in DIRECTORY.glob("*.toml")}
    others = {"validation", *(stem for stem in stems if stem.startswith("vixw-"))}
    assert set(ROWS) <= stems
    unknown = {stem for stem in stems - others - set(ROWS) if stem.split("-")[0] in PREFIXES}
    assert unknown == set()


PREFIXES = {name.split("-")[0] for name in ROWS}
