"""`walcrash run`: a campaign over scenario files, or one that goes on after it was killed."""

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from walcrash.cli.options import (
    CASES,
    JOBS,
    NO_COLOR,
    RUNS,
    SEED,
    UNTIL_QUIET,
    case_option,
    chosen_or_drawn,
    time_option,
    usable_cpus,
)
from walcrash.cli.scenario_names import load_scenarios
from walcrash.values.errors import ExitCode, UsageError, WalcrashError

if TYPE_CHECKING:
    from walcrash.campaign.state import CampaignState
    from walcrash.report.run_directory import RunDirectory
    from walcrash.values.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for, now or when the run was begun.

    Attributes:
        names: the scenarios as they were named.
        loaded: the scenarios.
        runs: the directory that keeps runs and findings.
        plane: the real file system that the images are made from; empty for none.
        confirm: the real file system on which findings are tried as well; empty for none.
        quiet_seconds: a scenario ends when nothing new came for so long; None for no such end.
    """

    names: tuple[str, ...]
    loaded: "tuple[Scenario, ...]"
    seed: str
    cases: int | None
    seconds: float | None
    case: int | None
    allow_known: bool
    runs: str
    plane: str
    confirm: str
    quiet_seconds: float | None


@click.command()
@click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1)
@SEED
@CASES
@time_option("run")
@UNTIL_QUIET
@JOBS
@case_option("Run this one case of one scenario.")
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a run that was killed or interrupted: its directory, or that one's name.",
)
@click.option(
    "--allow-known",
    is_flag=True,
    help="Pass though a finding fails that was kept before and that no case of this run shows.",
)
@click.option(
    "--plane",
    metavar="FS",
    default="",
    help="As root: lose the power of a real file system: ext4, xfs or btrfs.",
)
@click.option(
    "--confirm",
    metavar="FS",
    default="",
    help="As root: try each finding of a power loss on a real file system as well.",
)
@RUNS
@click.option("--log", metavar="PATH", help="Write the event log here too; - is stdout.")
@NO_COLOR
def run(
    scenarios: tuple[str, ...],
    seed: str | None,
    cases: int | None,
    seconds: float | None,
    quiet_seconds: float | None,
    jobs: int | None,
    case: int | None,
    resume: str | None,
    allow_known: bool,
    plane: str,
    confirm: str,
    runs: str,
    log: str | None,
    no_color: bool,
) -> ExitCode:
    """Run a campaign over scenario files or shipped scenarios; none named: all shipped."""
    if resume is not None:
        others = (seed, cases, seconds, quiet_seconds, case, plane or None, confirm or None)
        if scenarios or any(given is not None for given in others):
            raise UsageError(
                f"--resume {resume} goes on with what that run was asked for; found scenarios, "
                "--seed, --cases, --time, --until-quiet, --case, --plane or --confirm as well",
                hint=f"walcrash run --resume {resume}",
            )
        return _resume(
            resume, allow_known=allow_known, jobs=jobs, runs=runs, log=log, color=not no_color
        )
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
    _check_file_systems(plane, confirm)
    chosen_seed = chosen_or_drawn(seed)
    asked = _Asked(
        names=scenarios,
        loaded=_on_plane(loaded, plane),
        seed=chosen_seed,
        cases=cases,
        seconds=seconds,
        case=case,
        allow_known=allow_known,
        runs=runs,
        plane=plane,
        confirm=confirm,
        quiet_seconds=quiet_seconds,
    )
    return _begin(asked, jobs=jobs, log=log, color=not no_color)


def _check_file_systems(plane: str, confirm: str) -> None:
    """See that real file systems can be had that were asked for.

    Where findings cannot be tried, the campaign goes on, and they say why.
    """
    if not plane and not confirm:
        return
    from walcrash.blocks.file_systems import find_plane
    from walcrash.case.plane import usable_plane

    if plane and confirm:
        raise UsageError(
            "--plane makes every image from a real file system and --confirm tries the findings "
            "of a model there; both were given",
            hint="leave one of them out",
        )
    if plane:
        usable_plane(plane)
    else:
        find_plane(confirm)


def _on_plane(loaded: "tuple[Scenario, ...]", plane: str) -> "tuple[Scenario, ...]":
    """Return scenarios in which every case ends with a power loss, where a plane is asked for."""
    if not plane:
        return loaded
    from walcrash.campaign.on_plane import on_plane

    return tuple(on_plane(scenario, plane) for scenario in loaded)


def _begin(asked: _Asked, *, jobs: int | None, log: str | None, color: bool) -> ExitCode:
    # After the scenarios, so that a mistyped name is answered before any of this is loaded.
    from walcrash.campaign.state import CampaignState, Request
    from walcrash.report.run_directory import RunDirectory

    _check_store(asked.runs)
    request = Request.of(
        asked.loaded,
        names=asked.names,
        seed=asked.seed,
        cases=asked.cases,
        seconds=asked.seconds,
        plane=asked.plane,
        confirm=asked.confirm,
        quiet_seconds=asked.quiet_seconds,
    )
    directory = RunDirectory.create(asked.runs, asked.seed)
    # One case alone is soon run again.
    try:
        state = CampaignState.begin(directory.path, request) if asked.case is None else None
    except WalcrashError:
        directory.discard()
        raise
    return _go(asked, directory, state, jobs=jobs, log=log, color=color)


def _resume(
    run: str, *, allow_known: bool, jobs: int | None, runs: str, log: str | None, color: bool
) -> ExitCode:
    from walcrash.campaign.state import CampaignState
    from walcrash.report.run_directory import RunDirectory

    path = run if os.path.isdir(run) else os.path.join(runs, run)
    with contextlib.closing(CampaignState.resume(path)) as state:
        state.request.check_place(path)
        _check_file_systems(state.request.plane, state.request.confirm)
        loaded = _on_plane(load_scenarios(state.request.names), state.request.plane)
        state.request.check_scenarios(loaded, path)
        asked = _Asked(
            names=state.request.names,
            loaded=loaded,
            seed=state.request.seed,
            cases=state.request.cases,
            seconds=state.request.seconds,
            case=None,
            allow_known=allow_known,
            runs=os.path.dirname(os.path.normpath(path)) or os.curdir,
            plane=state.request.plane,
            confirm=state.request.confirm,
            quiet_seconds=state.request.quiet_seconds,
        )
        _check_store(asked.runs)
        return _go(asked, RunDirectory(path), state, jobs=jobs, log=log, color=color)


def _check_store(runs: str) -> None:
    """See that findings can be kept, before anything is run for them."""
    from pathlib import Path

    from walcrash.findings.store import Store

    Store(Path(runs)).check_usable()


def _go(
    asked: _Asked,
    directory: "RunDirectory",
    state: "CampaignState | None",
    *,
    jobs: int | None,
    log: str | None,
    color: bool,
) -> ExitCode:
    from pathlib import Path

    from walcrash.campaign.campaign import Campaign
    from walcrash.campaign.plan import CampaignPlan, case_counts
    from walcrash.report.session import RunRequest, run_arguments, run_session

    plan = CampaignPlan(
        scenarios=asked.loaded,
        master_seed=asked.seed,
        jobs=jobs or usable_cpus(),
        cases=asked.cases,
        seconds=asked.seconds,
        only_case=asked.case,
        runs=Path(asked.runs),
        is_known_allowed=asked.allow_known,
        plane=asked.plane,
        confirm=asked.confirm,
        quiet_seconds=asked.quiet_seconds,
    )
    earlier = 0.0 if state is None else state.seconds
    request = RunRequest(
        scenarios=asked.loaded,
        seed=asked.seed,
        arguments=run_arguments(
            asked.names,
            cases=asked.cases,
            seconds=asked.seconds,
            case=asked.case,
            allow_known=asked.allow_known,
            plane=asked.plane,
            confirm=asked.confirm,
            quiet_seconds=asked.quiet_seconds,
        ),
        case_counts=case_counts(plan),
        seconds=None if asked.seconds is None else max(0.0, asked.seconds - earlier),
        runs=asked.runs,
        log=log,
        color=color,
        directory=directory,
        keeps_state=state is not None,
    )
    with contextlib.closing(state) if state is not None else contextlib.nullcontext():
        return run_session(Campaign(plan, state=state), request)
