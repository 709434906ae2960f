"""The Python door: one function that runs a scenario, and the type of the pytest fixture.

The engine is the campaign, as behind the command line. The fixture `walcrash` is this function
with a test's seed, and fails the test where the run has not passed.

Not here: which names are public (`walcrash`), what a run came to (`values.run_result`).
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from walcrash.values.errors import UsageError
from walcrash.values.limits import CASES_PER_SCENARIO, JOBS_PER_CAMPAIGN, SECONDS_PER_CAMPAIGN

if TYPE_CHECKING:
    from walcrash.report.run_directory import RunDirectory
    from walcrash.report.run_report import RunReport
    from walcrash.values.run_result import RunResult
    from walcrash.values.scenario import Scenario

SEED_BYTES = 4
"""Length of a seed that nobody chose."""


class WalcrashFixture(Protocol):
    """The pytest fixture `walcrash`: runs a scenario, and fails the test unless it passes."""

    def __call__(
        self,
        scenario_path: str | os.PathLike[str],
        *,
        seed: str | int | None = None,
        cases: int | None = None,
        seconds: float | None = None,
        jobs: int = 1,
        allow_known: bool = False,
    ) -> "RunResult":
        """Run one scenario.

        The test fails with the summary of the run where there are findings, and with the reason
        where nothing can be said: what was not tested has not passed.

        Args:
            scenario_path: a scenario file, or the name of a shipped scenario.
            seed: the master seed; None is `pytest`, the same in every run. The option
                `--walcrash-seed` goes first.
            cases: how many cases, in place of the scenario's own budget.
            seconds: time for the whole run, in place of the scenario's own.
            jobs: how many processes run cases; the result does not depend on it.
            allow_known: whether the test passes though a finding fails again that was kept before
                and that no case of this run shows.

        Returns:
            What the run came to; its exit code is `ExitCode.PASSED`.
        """


def run(
    scenario_path: str | os.PathLike[str],
    *,
    seed: str | int | None = None,
    cases: int | None = None,
    seconds: float | None = None,
    jobs: int = 1,
    allow_known: bool = False,
    runs: str | os.PathLike[str] | None = None,
) -> "RunResult":
    """Run one scenario as `walcrash run` does, but print nothing, and return what it came to.

    Findings are a result and no error. Ctrl-C ends the run and its processes.

    Args:
        scenario_path: a scenario file, or the name of a shipped scenario.
        seed: the master seed, any text or an integer; None draws one.
        cases: how many cases, in place of the scenario's own budget of cases and of time.
        seconds: time for the whole run, in place of the scenario's own; all that is under way then
            ends, and where the file states no `cases` and nobody asks for any, all of it is used.
            Without it, and with `cases`, no clock decides what is found.
        jobs: how many processes run cases; the result does not depend on it.
        allow_known: whether a finding that was kept before, that no case of this run shows and
            that fails again is left out of what was found.
        runs: the directory that keeps runs and findings; None is what the environment variable
            `WALCRASH_RUNS` names, or else `reports/runs`.

    Returns:
        What was found and what was tested; an inconclusive run is a result too.

    Raises:
        UsageError: there is no such scenario, an argument has the wrong type or is out of range,
            or `runs` cannot be written to.
        ScenarioError: the scenario file is broken, or its subject cannot be loaded.
        HarnessFault: walcrash could not do its work, the disk is full, or the findings that are
            kept cannot be used.
        Inconclusive: workers could no longer be watched when findings were made from the cases.
    """
    _check_path("scenario_path", scenario_path)
    _check_seed(seed)
    _check_whole("cases", cases, CASES_PER_SCENARIO)
    _check_seconds(seconds)
    _check_whole("jobs", jobs, JOBS_PER_CAMPAIGN, is_optional=False)
    _check_path("runs", runs)
    return _run_checked(
        os.fspath(scenario_path),
        seed=None if seed is None else str(seed),
        cases=cases,
        seconds=seconds,
        jobs=jobs,
        allow_known=allow_known,
        runs=None if runs is None else os.fspath(runs),
    )


def _run_checked(
    name: str,
    *,
    seed: str | None,
    cases: int | None,
    seconds: float | None,
    jobs: int,
    allow_known: bool,
    runs: str | None,
) -> "RunResult":
    # Not above: neither `import walcrash` nor the start of pytest may load the engine.
    from walcrash.campaign.campaign import Campaign
    from walcrash.campaign.plan import CampaignPlan, case_counts
    from walcrash.findings.store import Store
    from walcrash.report.finding_text import DEFAULT_RUNS
    from walcrash.report.run_directory import ENVIRONMENT, RunDirectory
    from walcrash.report.session import RunRequest, collect, run_arguments

    scenario = _load(name)
    master_seed = os.urandom(SEED_BYTES).hex() if seed is None else seed
    runs_path = os.environ.get(ENVIRONMENT) or DEFAULT_RUNS if runs is None else runs
    Store(Path(runs_path)).check_usable()
    plan = CampaignPlan(
        scenarios=(scenario,),
        master_seed=master_seed,
        jobs=jobs,
        cases=cases,
        seconds=seconds,
        only_case=None,
        runs=Path(runs_path),
        is_known_allowed=allow_known,
    )
    request = RunRequest(
        scenarios=(scenario,),
        seed=master_seed,
        arguments=run_arguments((name,), cases=cases, seconds=seconds, allow_known=allow_known),
        case_counts=case_counts(plan),
        seconds=seconds,
        runs=runs_path,
        log=None,
        color=False,
        directory=RunDirectory.create(runs_path, master_seed),
    )
    return _result(*collect(Campaign(plan), request), runs=runs_path)


def _check_path(name: str, value: object) -> None:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if path is None and name == "runs":
        return
    if not isinstance(path, str) or not path or "\0" in path:
        raise UsageError(
            f"`{name}` is a path, as text without NUL or an `os.PathLike` of text; "
            f"found {_found(name, value)}",
            hint=f'{name}="DIR"' if name == "runs" else f'{name}="FILE.toml"',
        )


def _check_seed(seed: object) -> None:
    hint = 'seed="any text", or leave it out to have one drawn'
    if seed == "":
        raise UsageError("the seed is an empty text", hint=hint)
    is_whole = isinstance(seed, int) and not isinstance(seed, bool)
    if seed is not None and not is_whole and not isinstance(seed, str):
        raise UsageError(
            f"a seed is any text or an integer; found {_found('seed', seed)}", hint=hint
        )
    try:
        str(seed).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"a seed is text without lone surrogates; found {_found('seed', seed)}", hint=hint
        ) from None
    except ValueError:
        raise UsageError(
            f"a seed is an integer that can be written; found {_found('seed', seed)}", hint=hint
        ) from None


def _check_whole(name: str, value: object, most: int, *, is_optional: bool = True) -> None:
    if value is None and is_optional:
        return
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not 1 <= value <= most:  # type: ignore[operator]
        raise UsageError(
            f"a run has 1 to {most} {name}, a whole number; found {_found(name, value)}",
            hint=f"{name}=1" if name == "jobs" else f"{name}=100",
        )


def _check_seconds(seconds: object) -> None:
    if seconds is None:
        return
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds <= SECONDS_PER_CAMPAIGN:  # type: ignore[operator]
        raise UsageError(
            f"a run has more than 0 and at most {SECONDS_PER_CAMPAIGN:g} seconds; "
            f"found {_found('seconds', seconds)}",
            hint="seconds=60",
        )


def _found(name: str, value: object) -> str:
    """Return an argument as it was given, short."""
    try:
        shown = f"{value!a:.80}"
    except ValueError:
        shown = "a number that is too long to show"
    return f"{name}={shown}"


def _load(name: str) -> "Scenario":
    from walcrash.scenario.file import find_scenarios, load_scenario

    (file,) = find_scenarios([name])
    # Reports name the scenario as the caller did.
    return replace(load_scenario(file), path=name)


def _result(
    report: "RunReport", directory: "RunDirectory", seconds: float, *, runs: str
) -> "RunResult":
    from walcrash.report.summary import summary_text
    from walcrash.values.run_result import RunResult

    return RunResult(
        seed=report.seed,
        verdict=report.verdict,
        exit_code=report.exit_code,
        stopped=report.stopped,
        findings=tuple(report.findings),
        portability=tuple(report.portability),
        scenarios=report.scenarios,
        judged=report.judged,
        unjudged=report.unjudged,
        directory=Path(directory.path),
        seconds=seconds,
        summary=summary_text(
            report,
            seconds=seconds,
            report_path=directory.report,
            page_path=directory.page,
            runs=runs,
        ),
    )
