"""Engines whose calls fail: one does harm by what it refused, others refuse and harm nothing.

The page `reports/failing-storage.md` has all of them; these are quick.
"""

from pathlib import Path

import pytest
from needs import lacking

from walcrash.scenario.file import load_scenario
from walcrash.subjects.loading import MissingPackage, find_adapter, make_adapter
from walcrash.tools.selftest import run_planted
from walcrash.values.planted import Planted
from walcrash.values.verdict import Invariant

DIRECTORY = Path(__file__).parents[2] / "scenarios" / "engines" / "failing"


def test_every_scenario_of_failing_storage_can_be_read() -> None:
    names = {load_scenario(path).name for path in sorted(DIRECTORY.glob("*.toml"))}
    assert {"failing-gdbm", "fsync-sqlite-wal"} <= names


@pytest.mark.slow
@pytest.mark.usefixtures("interception")
@pytest.mark.parametrize(
    ("name", "cases", "invariant"),
    [
        ("failing-gdbm", 8, Invariant.UNREPORTED_ERROR),
        ("failing-atomic-file", 45, None),
        ("failing-dbm-dumb", 42, None),
    ],
)
def test_an_engine_does_what_is_published(
    name: str, cases: int, invariant: Invariant | None
) -> None:
    path = DIRECTORY / f"{name}.toml"
    subject = load_scenario(path).subject
    try:
        make_adapter(find_adapter(subject.adapter), subject.options)
    except MissingPackage as missing:
        lacking(f"{missing}; {missing.hint}")
    planted = Planted(
        name=name, invariant=invariant, needs="", within_cases=cases, path=path, model=None
    )
    (result,) = run_planted([planted], seeds=1, job_count=2)
    shown = [(run.found_by, run.cases, run.problem) for run in result.runs]
    assert {run.found_by for run in result.runs} == {invariant}, shown
    assert not any(run.problem for run in result.runs), shown
