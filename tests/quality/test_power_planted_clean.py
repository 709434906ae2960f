"""Subjects with a bug that only a power loss shows: right without a crash, right under kills.

Here are also the models: a bug does not show in a stricter one than `expected.toml` states.

A few seconds; the slow ones two minutes on two processors.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from command import InThisProcess

from walcrash.campaign import jobs
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.scenario.file import load_scenario
from walcrash.subjects.adapter import Adapter
from walcrash.subjects.loading import find_adapter
from walcrash.tools.selftest import find_first, read_expected
from walcrash.values.contract import PersistenceModel
from walcrash.values.faults import BootSelector, FaultKind, FaultPlan
from walcrash.values.planted import Planted, PlantedRun
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import Scenario

DIRECTORY = Path(__file__).parents[2] / "scenarios" / "planted" / "power"
EXPECTED = {planted.name: planted for planted in read_expected(DIRECTORY)}
BUGS = {name: planted for name, planted in EXPECTED.items() if planted.invariant is not None}
MODELS = list(PersistenceModel)
JOBS = 2

KILLS = (
    FaultPlan(kind=FaultKind.KILL, weight=2),
    FaultPlan(kind=FaultKind.KILL, boots=BootSelector.LATER, operations=("open",)),
)

FIRST_BOOT = (
    Record(RecordType.PUT, "a", 1, payload=bytes(range(256))),
    Record(RecordType.PUT, "b", 2),
    Record(RecordType.PUT, "c", 3, payload=b"x" * 5000),
    Record(RecordType.FAILED, "a", 4, error="no route", next_retry_at_ms=1000),
    Record(RecordType.DONE, "b", 5),
)
SECOND_BOOT = (
    Record(RecordType.PUT, "d", 6, payload=b"y" * 100),
    Record(RecordType.DONE, "c", 7),
    Record(RecordType.PUT, "e", 8),
)


def scenario_of(name: str) -> Scenario:
    return load_scenario(DIRECTORY / f"{name}.toml")


def opened(name: str, directory: Path) -> Adapter:
    adapter = find_adapter(scenario_of(name).subject.adapter)()
    adapter.open(directory, lambda _: None)
    return adapter


ONE_BOOT = frozenset({"unaligned-cells"})
"""Whose log must stay short: its scenario says why."""


def with_kills(scenario: Scenario) -> Scenario:
    """Return the scenario with kills anywhere in the place of power losses."""
    boots = (1, 1) if scenario.name in ONE_BOOT else (1, 3)
    workload = replace(scenario.workload, boots=boots)
    return replace(scenario, faults=KILLS, workload=workload)


def under(scenario: Scenario, model: PersistenceModel) -> Scenario:
    """Return the scenario with a promise under another model."""
    assert scenario.contract is not None
    return replace(scenario, contract=replace(scenario.contract, model=model))


def run_all(
    work: Iterable[tuple[Planted, Scenario]],
    *,
    cases: int,
    make_executor: MakeExecutor = jobs.make_executor,
) -> dict[str, PlantedRun]:
    """Run cases of each scenario until one fails; return what was seen, by name."""
    with JobPool(make_executor, JOBS) as pool:
        submitted = {
            planted.name: pool.submit(
                find_first, scenario, replace(planted, within_cases=cases), "0"
            )
            for planted, scenario in work
        }
        runs = {name: pool.result(future) for name, future in submitted.items()}
    return {name: run for name, run in runs.items() if run is not None}


def accused(runs: dict[str, PlantedRun]) -> list[str]:
    return [
        f"{name}: {run.found_by} in case {run.cases} {run.problem}"
        for name, run in runs.items()
        if run.found_by is not None or run.problem
    ]


@pytest.mark.parametrize("name", EXPECTED)
def test_records_survive_clean_restarts_in_append_order(name: str, tmp_path: Path) -> None:
    appended: list[tuple[int, Record]] = []
    for records in (FIRST_BOOT, SECOND_BOOT):
        adapter = opened(name, tmp_path)
        appended += [(adapter.append(record), record) for record in records]
        assert list(adapter.replay(0)) == appended
        adapter.close()
    adapter = opened(name, tmp_path)
    assert list(adapter.replay(0)) == appended
    assert adapter.end() > appended[-1][0]
    adapter.close()


def test_every_subject_has_a_scenario_and_an_expectation() -> None:
    bases = {"power-base"}
    modules = {path.stem.replace("_", "-") for path in DIRECTORY.glob("*.py")} - bases
    scenarios = {path.stem for path in DIRECTORY.glob("*.toml")} - {"expected"}
    assert scenarios == set(EXPECTED) == modules | {"right-durable"}


def test_no_subject_has_the_name_of_another_planted_one() -> None:
    others = tomllib.loads((DIRECTORY.parent / "expected.toml").read_text(encoding="utf-8"))
    assert not EXPECTED.keys() & (others["planted"].keys() | others["right"].keys())


def test_there_are_bugs_for_each_model_that_a_power_loss_has() -> None:
    assert len(BUGS) >= 20
    assert {planted.model for planted in BUGS.values()} == set(PersistenceModel) - {
        PersistenceModel.KILL
    }


def test_each_contract_covers_the_model_that_shows_the_bug() -> None:
    for name, planted in BUGS.items():
        contract = scenario_of(name).contract
        assert contract is not None
        assert planted.model is not None
        assert MODELS.index(contract.model) >= MODELS.index(planted.model), name


@pytest.mark.slow
def test_hundreds_of_kills_accuse_no_subject() -> None:
    """Thirty cases, each of which is judged at up to thirteen kills."""
    work = [(planted, with_kills(scenario_of(name))) for name, planted in EXPECTED.items()]
    runs = run_all(work, cases=30)
    assert runs.keys() == EXPECTED.keys()
    assert accused(runs) == []


@pytest.mark.slow
def test_no_bug_shows_in_a_stricter_model_than_the_one_stated() -> None:
    work = []
    for name, planted in BUGS.items():
        assert planted.model is not None
        stricter = MODELS[MODELS.index(planted.model) - 1]
        if stricter is not PersistenceModel.KILL:
            work.append((planted, under(scenario_of(name), stricter)))
    assert len(work) >= 15
    assert accused(run_all(work, cases=16)) == []


def test_a_log_that_counts_on_the_journal_is_wrong_where_there_is_none() -> None:
    """The right subject for `ext4` is no right subject for `posix`, so its contract matters."""
    name = "right-rename-order"
    scenario = under(scenario_of(name), PersistenceModel.POSIX)
    runs = run_all([(EXPECTED[name], scenario)], cases=50, make_executor=InThisProcess)
    (run,) = runs.values()
    assert run.found_by is not None
    assert run.model is PersistenceModel.POSIX
