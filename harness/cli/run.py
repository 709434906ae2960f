"""`walcrash run`: a campaign over scenario files."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from harness.cli.options import (
    JOBS,
    NO_COLOR,
    RUNS,
    SEED,
    SEED_BYTES,
    read_seconds,
    usable_cpus,
)
from harness.cli.scenario_names import load_scenarios
from harness.values.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.values.scenario import Scenario


@click.command()
@click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1)
@SEED
@click.option("--cases", type=click.IntRange(min=1), metavar="N", help="Cases of each scenario.")
@click.option(
    "--time",
    "seconds",
    callback=read_seconds,
    metavar="TIME",
    help="Budget of the run: 90, 60s, 5m, 1h.",
)
@JOBS
@click.option(
    "--case", type=click.IntRange(min=0), metavar="I", help="Run this one case of one scenario."
)
@RUNS
@click.option("--log", metavar="PATH", help="Write the event log here too; - is stdout.")
@NO_COLOR
def run(
    scenarios: tuple[str, ...],
    seed: str | None,
    cases: int | None,
    seconds: float | None,
    jobs: int | None,
    case: int | None,
    runs: str,
    log: str | None,
    no_color: bool,
) -> ExitCode:
    """Run a campaign over scenario files or shipped scenarios; none named: all shipped."""
    from pathlib import Path

    if case is not None and cases is not None:
        raise UsageError(
            "--case runs one case alone and --cases sets how many; both were given",
            hint="leave one of them out",
        )
    loaded = load_scenarios(scenarios)
    if case is not None and len(loaded) != 1:
        raise UsageError(
            f"--case runs one case of one scenario; found {len(loaded)} scenarios",
            hint=f"walcrash run {loaded[0].path} --case {case}",
        )
    # After the scenarios, so that a mistyped name is answered before any of this is loaded.
    from harness.campaign.campaign import Campaign, CampaignPlan
    from harness.report.session import RunRequest, run_session

    chosen_seed = seed if seed is not None else os.urandom(SEED_BYTES).hex()
    campaign = Campaign(
        CampaignPlan(
            scenarios=loaded,
            master_seed=chosen_seed,
            jobs=jobs or usable_cpus(),
            cases=cases,
            seconds=seconds,
            only_case=case,
            runs=Path(runs),
        )
    )
    request = RunRequest(
        scenarios=loaded,
        seed=chosen_seed,
        arguments=_arguments(scenarios, cases=cases, seconds=seconds, case=case),
        case_counts=_case_counts(loaded, cases=cases, case=case),
        seconds=seconds,
        runs=runs,
        log=log,
        color=not no_color,
    )
    return run_session(campaign, request)


def _arguments(
    names: Sequence[str], *, cases: int | None, seconds: float | None, case: int | None
) -> tuple[str, ...]:
    options: list[str] = []
    for option, value in (("--cases", cases), ("--time", seconds), ("--case", case)):
        if value is not None:
            options += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    # A file called `-x` must not come back as an option.
    return (*(f"./{name}" if name.startswith("-") else name for name in names), *options)


def _case_counts(
    scenarios: "Sequence[Scenario]", *, cases: int | None, case: int | None
) -> dict[str, int]:
    one = 1 if case is not None else cases
    return {scenario.name: one or scenario.budget.cases for scenario in scenarios}
