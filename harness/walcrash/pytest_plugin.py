"""The pytest door: the fixture `walcrash` runs one scenario and fails the test on findings.

The engine is the campaign, as behind the command line; here it only becomes a test result. A
run that is inconclusive fails too: what was not tested has not passed.

Source: pytest's documentation, "Writing plugins"; the entry point is `pytest11`.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from walcrash.report.run_report import RunReport

DEFAULT_SEED = "pytest"
"""A test that fails by chance is worth little; another seed is chosen by hand."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--walcrash-seed`."""
    parser.getgroup("walcrash").addoption(
        "--walcrash-seed", metavar="S", help="master seed of every walcrash run in these tests"
    )


@pytest.fixture
def walcrash(request: pytest.FixtureRequest) -> "Callable[..., RunReport]":
    """Return `run(scenario_path, *, seed, cases, seconds, jobs)`: passes, or fails the test."""
    chosen: str | None = request.config.getoption("--walcrash-seed")

    def run(
        scenario_path: str | os.PathLike[str],
        *,
        seed: str | int | None = None,
        cases: int | None = None,
        seconds: float | None = None,
        jobs: int = 1,
    ) -> "RunReport":
        # The option goes first: it is how somebody repeats a run that failed.
        master = chosen or (DEFAULT_SEED if seed is None else str(seed))
        return _run(os.fspath(scenario_path), master, cases, seconds, jobs)

    return run


def _run(path: str, seed: str, cases: int | None, seconds: float | None, jobs: int) -> "RunReport":
    # pytest loads every plugin at its start; only a test that uses this one pays for the engine.
    from walcrash.campaign.campaign import Campaign, CampaignPlan
    from walcrash.report.run_directory import RunDirectory
    from walcrash.report.session import RunRequest, collect
    from walcrash.report.summary import summary_text
    from walcrash.scenario.file import find_scenarios, load_scenario
    from walcrash.values.errors import ExitCode, WalcrashError

    runs = os.environ.get("WALCRASH_RUNS", "reports/runs")
    try:
        scenarios = tuple(
            replace(load_scenario(file), path=path) for file in find_scenarios([path])
        )
        plan = CampaignPlan(
            scenarios=scenarios,
            master_seed=seed,
            jobs=jobs,
            cases=cases,
            seconds=seconds,
            only_case=None,
            runs=Path(runs),
        )
        request = RunRequest(
            scenarios=scenarios,
            seed=seed,
            arguments=(path,),
            case_counts={scenario.name: cases or scenario.budget.cases for scenario in scenarios},
            seconds=seconds,
            runs=runs,
            log=None,
            color=False,
            directory=RunDirectory.create(runs, seed),
        )
        report, directory, took = collect(Campaign(plan), request)
    except WalcrashError as problem:
        pytest.fail(str(problem), pytrace=False)
    if report.exit_code is not ExitCode.PASSED:
        text = summary_text(
            report,
            seconds=took,
            report_path=directory.report,
            page_path=directory.page,
            runs=runs,
        )
        pytest.fail(text, pytrace=False)
    return report
