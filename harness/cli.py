"""The command line: arguments in, a campaign in the middle, an exit code out.

Results go to stdout, everything else to stderr. How a run goes on between its first line and
its last is in `report.session`; what a command does is in `campaign`.

Not here: what the words mean (`harness/docs/reference/cli.md`, made from this module).
"""

import contextlib
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from harness import __version__
from harness.values.errors import ExitCode, UsageError, WalcrashError

# Everything heavier is imported inside the commands: `walcrash --help` and a mistyped option
# answer in a tenth of a second, and pydantic alone takes as long.
if TYPE_CHECKING:
    from harness.values.scenario import Scenario

# limits
MOST_JOBS = 256
"""Jobs of one campaign."""

LONGEST_SECONDS = 30 * 24 * 3600.0
"""Time budget of one campaign."""

MOST_REPLAYS = 10_000
"""Replays of one finding."""

MOST_SEEDS = 1_000
"""Seeds of one self-test."""

MOST_AUDITED = 100_000
"""Cases of one audit, and images of one site in one boot."""

SEED_BYTES = 4
"""Length of a seed that nobody chose."""

_EPILOG = """\b
Examples:
  walcrash run
  walcrash run crash-mid-write --seed 3f9c2ab --cases 1000
  walcrash run my-scenario.toml --time 60s --jobs 4
  walcrash replay F-7c1e

\b
Exit codes:
  0    passed
  1    findings
  2    usage or scenario error
  3    fault of the harness
  4    inconclusive: nothing tested, or interception is missing
  130  interrupted
"""


def _seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Read a length of time: `90`, `60s`, `5m` or `1h`."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", value, re.ASCII)
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise click.BadParameter(
            f"{value!r} is not a time budget; say 90, 60s, 5m or 1h, at most 720h"
        )
    return seconds


def _seed(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty seed: an unset variable in a CI file must not look like a chosen one."""
    if value == "":
        raise click.BadParameter("it is empty; leave the option out to have one drawn")
    return value


_RUNS = click.option(
    "--runs",
    metavar="DIR",
    default="reports/runs",
    envvar="WALCRASH_RUNS",
    show_default=True,
    show_envvar=True,
    help="Folder that keeps runs and findings.",
)
_JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    metavar="N",
    help="Worker jobs.  [default: one for each processor]",
)
_NO_COLOR = click.option("--no-color", is_flag=True, help="No colours, as with NO_COLOR=1.")


class _Commands(click.Group):
    """The commands; a mistyped one is answered with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"walcrash {near[0]}" if near else "walcrash --help"
            raise UsageError(f"there is no command `{args[0]}`", hint=hint)
        return super().resolve_command(ctx, args)


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0))


@click.group(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="walcrash", message="%(prog)s %(version)s")
def walcrash() -> None:
    """Crash-test a write-ahead log: kill it at exact points, judge what its recovery shows."""


@walcrash.command()
@click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1)
@click.option(
    "--seed", callback=_seed, metavar="S", help="Master seed, any text.  [default: drawn]"
)
@click.option("--cases", type=click.IntRange(min=1), metavar="N", help="Cases of each scenario.")
@click.option(
    "--time",
    "seconds",
    callback=_seconds,
    metavar="TIME",
    help="Budget of the run: 90, 60s, 5m, 1h.",
)
@_JOBS
@click.option(
    "--case", type=click.IntRange(min=0), metavar="I", help="Run this one case of one scenario."
)
@_RUNS
@click.option("--log", metavar="PATH", help="Write the event log here too; - is stdout.")
@_NO_COLOR
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
            jobs=jobs or _usable_cpus(),
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


def load_scenarios(names: Sequence[str]) -> "tuple[Scenario, ...]":
    """Return the scenarios, each under the name or path that it was asked for by.

    Raises:
        UsageError: two of them have the same name.
        ScenarioError: one is missing or broken.
    """
    from dataclasses import replace

    from harness.campaign.scenario_file import find_scenarios, load_scenario

    # A shipped scenario goes by its name: its path is that of this installation only.
    words = dict.fromkeys(names) or [path.stem for path in find_scenarios(())]
    loaded = tuple(
        replace(load_scenario(path), path=word) for word in words for path in find_scenarios([word])
    )
    for scenario in loaded:
        alike = [other.path for other in loaded if other.name == scenario.name]
        if len(alike) > 1:
            raise UsageError(
                f"two scenarios are called {scenario.name}: {' and '.join(alike)}",
                hint="name each scenario once",
            )
    return loaded


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


@walcrash.command()
@click.argument("finding", metavar="FINDING")
@click.option(
    "--times",
    type=click.IntRange(1, MOST_REPLAYS),
    metavar="N",
    default=5,
    show_default=True,
    help="How often, each time in fresh processes.",
)
@_RUNS
@_NO_COLOR
def replay(finding: str, times: int, runs: str, no_color: bool) -> ExitCode:
    """Run a kept finding again, by its id (such as F-7c1e) or the beginning of it."""
    from pathlib import Path

    from harness.campaign.replay import replay_finding
    from harness.report.replay_text import publish_replays

    results = replay_finding(finding, runs=Path(runs), times=times)
    return publish_replays(results, times=times, runs=runs, color=not no_color)


@walcrash.command()
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
def doctor(as_json: bool) -> ExitCode:
    """Say what this machine can and cannot do, each with the reason."""
    from harness.campaign.doctor import run_doctor
    from harness.report.doctor_text import publish_checks

    return publish_checks(run_doctor(), as_json=as_json)


@walcrash.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--seeds",
    type=click.IntRange(1, MOST_SEEDS),
    metavar="N",
    default=10,
    show_default=True,
    help="Seeds to try on each planted bug.",
)
@_JOBS
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
def selftest(names: tuple[str, ...], seeds: int, jobs: int | None, as_json: bool) -> ExitCode:
    """Run the planted bugs: each must be found, by the invariant meant for it."""
    from harness.campaign.selftest import choose, run_planted
    from harness.report.selftest_text import publish_selftest

    results = run_planted(choose(names), seeds=seeds, job_count=jobs or _usable_cpus())
    return publish_selftest(results, as_json=as_json)


@walcrash.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option(
    "--seed", callback=_seed, metavar="S", help="Master seed, any text.  [default: drawn]"
)
@click.option(
    "--cases",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    default=6,
    show_default=True,
    help="Cases to record.",
)
@click.option(
    "--images",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    default=60,
    show_default=True,
    help="Most images to judge without one sync, in each boot.",
)
@_JOBS
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
def audit(
    scenario: str, seed: str | None, cases: int, images: int, jobs: int | None, as_json: bool
) -> ExitCode:
    """Take away one sync at a time and judge again: which of them carry the promise."""
    (loaded,) = load_scenarios((scenario,))
    from harness.campaign.audit import AuditPlan, run_audit
    from harness.report.audit_text import publish_audit
    from harness.report.output import talk

    plan = AuditPlan(
        scenario=loaded,
        master_seed=seed if seed is not None else os.urandom(SEED_BYTES).hex(),
        cases=cases,
        images=images,
        jobs=jobs or _usable_cpus(),
    )
    return publish_audit(run_audit(plan, say=talk), as_json=as_json)


@walcrash.command()
@click.option("--json", "json_path", metavar="PATH", help="Write the numbers here too, as JSON.")
def bench(json_path: str | None) -> ExitCode:
    """Measure the recorder and a kill case against what anyone would write."""
    from harness.campaign.bench import run_bench
    from harness.report.bench_text import publish_benchmark, tell

    return publish_benchmark(run_bench(say=tell), json_path=json_path)


@walcrash.command()
def scenarios() -> ExitCode:
    """List the shipped scenarios."""
    import shutil

    from harness.report.output import publish
    from harness.report.text import block, shorten

    shipped = load_scenarios(())
    column = max(len(scenario.name) for scenario in shipped) + 2
    width = max(shutil.get_terminal_size((100, 0)).columns, column + 40)
    for scenario in shipped:
        lines = block(scenario.name, shorten(scenario.summary), width=width, label_width=column)
        publish("\n".join(lines))
    return ExitCode.PASSED


@walcrash.command()
def schema() -> ExitCode:
    """Print the JSON Schema of scenario files."""
    import json

    from harness.campaign.scenario_file import schema_json
    from harness.report.output import publish

    publish(json.dumps(schema_json(), indent=2))
    return ExitCode.PASSED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises."""
    _open_standard_streams()
    words = sys.argv[1:] if arguments is None else list(arguments)
    with _terminated_like_interrupted():
        try:
            code = _invoke(words)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as problem:
            return int(_explain(problem))
    return int(code)


def _invoke(words: list[str]) -> int:
    # Not `walcrash.main`: it turns a broken pipe, of whatever it may be, into exit code 1,
    # which here means findings.
    try:
        with walcrash.make_context("walcrash", words) as context:
            code: int = walcrash.invoke(context)
            return code
    except click.exceptions.Exit as end:  # --help and --version
        return end.exit_code


def _explain(problem: BaseException) -> ExitCode:
    """Tell what went wrong on stderr and return the exit code for it."""
    match problem:
        case WalcrashError():
            _complain(problem.message, problem.hint)
            return problem.exit_code
        case click.exceptions.NoArgsIsHelpError():
            click.echo(problem.format_message(), err=True)
            return ExitCode.USAGE
        case click.NoSuchOption():
            # Not click's words, which differ between its versions.
            near = f"; near: {', '.join(sorted(problem.possibilities or ()))}"
            _complain(
                f"there is no option {problem.option_name}{near if problem.possibilities else ''}",
                f"{problem.ctx.command_path if problem.ctx is not None else 'walcrash'} --help",
            )
            return ExitCode.USAGE
        case click.UsageError():
            place = problem.ctx.command_path if problem.ctx is not None else "walcrash"
            _complain(problem.format_message(), f"{place} --help")
            return ExitCode.USAGE
        case KeyboardInterrupt():
            _complain("interrupted", "")
            return ExitCode.INTERRUPTED
        case OSError() if _is_stdout_broken():
            if isinstance(problem, BrokenPipeError):
                return ExitCode.INTERRUPTED
            _complain(f"the results could not be written to stdout: {problem.strerror}", "")
            return ExitCode.HARNESS_FAULT
        case _:
            return _explain_fault(problem)


def _explain_fault(problem: BaseException) -> ExitCode:
    traceback.print_exception(problem, file=sys.stderr)
    _complain(
        f"walcrash itself failed: {type(problem).__name__}: {problem}",
        f"please report it with the lines above, the command and `walcrash --version` "
        f"({__version__})",
    )
    return ExitCode.HARNESS_FAULT


def _complain(message: str, hint: str) -> None:
    from harness.report.output import talk
    from harness.report.text import escape

    text = f"error: {message}\nhint: {hint}" if hint else f"error: {message}"
    talk("\n".join(escape(line) for line in text.split("\n")))


def _is_stdout_broken() -> bool:
    """Whether stdout still holds what it cannot get rid of; if so, that is dropped."""
    from harness.report.output import drop_stdout

    try:
        sys.stdout.flush()
    except OSError:
        drop_stdout()
        return True
    return False


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that nothing is left behind."""

    def on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _open_standard_streams() -> None:
    """Give stdin, stdout and stderr a place where the caller closed them.

    Otherwise the first files that are opened get their numbers, and a message lands in a log.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - lives to the end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show `·` is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
