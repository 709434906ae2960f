"""The pytest door: the fixture `walcrash` runs one scenario and fails the test on findings.

The engine is the campaign, as behind the command line; here it only becomes a test result. A
run that is inconclusive fails too: what was not tested has not passed.

Source: pytest's documentation, "Writing plugins"; the entry point is `pytest11`.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from walcrash import api
from walcrash.values.errors import ExitCode, WalcrashError

if TYPE_CHECKING:
    from walcrash.values.run_result import RunResult

DEFAULT_SEED = "pytest"
"""A test that fails by chance is worth little; another seed is chosen by hand."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--walcrash-seed` and `--walcrash-allow-known`."""
    group = parser.getgroup("walcrash")
    group.addoption(
        "--walcrash-seed", metavar="S", help="master seed of every walcrash run in these tests"
    )
    group.addoption(
        "--walcrash-allow-known",
        action="store_true",
        help="pass though a finding fails that was kept before and that no case of the run shows",
    )


@pytest.fixture
def walcrash(request: pytest.FixtureRequest) -> api.WalcrashFixture:
    """Return a `WalcrashFixture`, which runs a scenario and passes, or fails the test."""
    chosen: str | None = request.config.getoption("--walcrash-seed")
    is_allowed: bool = request.config.getoption("--walcrash-allow-known")

    def run(
        scenario_path: str | os.PathLike[str],
        *,
        seed: str | int | None = None,
        cases: int | None = None,
        seconds: float | None = None,
        jobs: int = 1,
        allow_known: bool = False,
    ) -> "RunResult":
        # The option goes first: it is how somebody repeats a run that failed.
        master = chosen or (DEFAULT_SEED if seed is None else seed)
        place = request.config.invocation_params.dir
        problem = ""
        try:
            result = api.run(
                _scenario(os.fspath(scenario_path), request.path.parent, place),
                seed=master,
                cases=cases,
                seconds=seconds,
                jobs=jobs,
                allow_known=is_allowed or allow_known,
                runs=_runs(place),
            )
        except WalcrashError as raised:
            problem = str(raised)
        # Not within `except`: the error would be printed again, as what this one came from.
        if problem:
            pytest.fail(problem, pytrace=False)
        if result.exit_code is not ExitCode.PASSED:
            pytest.fail(result.summary, pytrace=False)
        return result

    return run


def _scenario(name: str, test_directory: Path, place: Path) -> str:
    """Return a scenario as it is named where pytest was started, so that commands can be pasted.

    It is relative to the present directory or to the test's, or the name of a shipped one.
    """
    for directory in (Path.cwd(), test_directory):
        path = directory / name
        if name and path.exists():
            is_at_place = Path.cwd() == place and not Path(name).is_absolute()
            return os.path.relpath(path) if is_at_place else str(path)
    return name


def _runs(place: Path) -> str | None:
    """Return the directory of runs, where a test has left the directory that pytest started in."""
    if Path.cwd() == place:
        return None
    return os.path.abspath(os.environ.get("WALCRASH_RUNS") or "reports/runs")
