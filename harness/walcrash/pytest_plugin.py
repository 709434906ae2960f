"""The pytest door: the fixture `walcrash` runs one scenario and fails the test on findings.

The engine is the campaign, as behind the command line; here it only becomes a test result. A
run that is inconclusive fails too: what was not tested has not passed.

Source: pytest's documentation, "Writing plugins"; the entry point is `pytest11`.
"""

import os
from typing import TYPE_CHECKING

import pytest

from walcrash import api
from walcrash.values.errors import ExitCode, WalcrashError

if TYPE_CHECKING:
    from walcrash.values.run_result import RunResult

DEFAULT_SEED = "pytest"
"""A test that fails by chance is worth little; another seed is chosen by hand."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--walcrash-seed`."""
    parser.getgroup("walcrash").addoption(
        "--walcrash-seed", metavar="S", help="master seed of every walcrash run in these tests"
    )


@pytest.fixture
def walcrash(request: pytest.FixtureRequest) -> api.WalcrashFixture:
    """Return `run(scenario_path, *, seed, cases, seconds, jobs)`: passes, or fails the test."""
    chosen: str | None = request.config.getoption("--walcrash-seed")

    def run(
        scenario_path: str | os.PathLike[str],
        *,
        seed: str | int | None = None,
        cases: int | None = None,
        seconds: float | None = None,
        jobs: int = 1,
    ) -> "RunResult":
        # The option goes first: it is how somebody repeats a run that failed.
        master = chosen or (DEFAULT_SEED if seed is None else seed)
        try:
            result = api.run(scenario_path, seed=master, cases=cases, seconds=seconds, jobs=jobs)
        except WalcrashError as problem:
            pytest.fail(str(problem), pytrace=False)
        if result.exit_code is not ExitCode.PASSED:
            pytest.fail(result.summary, pytrace=False)
        return result

    return run
