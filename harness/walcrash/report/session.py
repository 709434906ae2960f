"""One run from its first line to its exit code: logs, progress, signals, summary.

However a run ends (done, out of time, interrupted, a full disk, a fault of the harness), its
seed, what it covered and why it stopped are reported, and the campaign's processes are gone.

Not here: what the campaign does; it is anything that yields log lines and can be interrupted.
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from walcrash.report.finding_text import WIDTH
from walcrash.report.html import html_report
from walcrash.report.markdown import markdown_report
from walcrash.report.ndjson import NdjsonWriter
from walcrash.report.output import publish, talk, wants_color
from walcrash.report.run_directory import RunDirectory, write_whole
from walcrash.report.run_report import RunReport
from walcrash.report.summary import summary_text
from walcrash.report.terminal import Progress, open_progress, total_cases
from walcrash.report.text import counted, shell_word
from walcrash.values.activity import Watch
from walcrash.values.errors import (
    ExitCode,
    Interrupted,
    UsageError,
    WalcrashError,
)
from walcrash.values.finding import FindingChange, Unfollowed
from walcrash.values.log import LogLine, StopReason
from walcrash.values.scenario import Scenario

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

STDOUT = "-"
"""As the path of a log: stdout, and then the summary goes to stderr."""


class Runnable(Protocol):
    """A campaign, as far as a session needs one."""

    def lines(self) -> Iterator[LogLine]:
        """Run; closing the generator ends every process."""

    def interrupt(self) -> None:
        """End soon; safe to call from a signal handler."""

    def watch(self, tell: Watch) -> None:
        """Have it told what is done while no line comes."""

    @property
    def changes(self) -> Sequence[FindingChange]:
        """What became of findings that were kept."""

    @property
    def unfollowed(self) -> Unfollowed:
        """Findings that were kept and of which nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What somebody asked for.

    Attributes:
        scenarios: loaded; `path` is how each was named.
        seed: the master seed.
        arguments: what follows `walcrash run` to run it again, the seed aside.
        case_counts: for each scenario's name, the most cases it runs; None for one that no number
            ends.
        seconds: the time budget of the whole run, what is left of it where it goes on.
        runs: the directory that keeps runs and findings.
        log: a second place for the event log; `-` is stdout.
        directory: the run's directory; its event log is written from its first line.
        keeps_state: whether the campaign can go on after it was stopped.
        color: False takes the colours.
    """

    scenarios: tuple[Scenario, ...]
    seed: str
    arguments: tuple[str, ...]
    case_counts: Mapping[str, int | None]
    seconds: float | None
    runs: str
    log: str | None
    color: bool
    directory: RunDirectory
    keeps_state: bool = False


def run_arguments(
    names: Sequence[str],
    *,
    cases: int | None = None,
    seconds: float | None = None,
    case: int | None = None,
    allow_known: bool = False,
    plane: str = "",
    confirm: str = "",
    quiet_seconds: float | None = None,
) -> tuple[str, ...]:
    """Return what follows `walcrash run` to run these scenarios again, the seed aside."""
    options: list[str] = []
    numbers = (
        ("--cases", cases),
        ("--time", seconds),
        ("--until-quiet", quiet_seconds),
        ("--case", case),
    )
    for option, value in numbers:
        if value is not None:
            options += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    options += ["--allow-known"] if allow_known else []
    options += ["--plane", plane] if plane else []
    options += ["--confirm", confirm] if confirm else []
    # A file called `-x` must not come back as an option.
    return (*(f"./{name}" if name.startswith("-") else name for name in names), *options)


def run_session(campaign: Runnable, request: RunRequest) -> ExitCode:
    """Run the campaign, report what it does, and return what the process ends with.

    Raises:
        UsageError: the run directory or the log cannot be written; nothing has run then.
        Exception: what ended the campaign, or a full disk; the summary is out by then.
    """
    directory, report = request.directory, _empty_report(request)
    began = time.monotonic()
    with _open_logs(directory, request.log) as logs:
        talk(_greeting(request))
        fault = _follow(campaign, report, logs, _progress(request))
    late_fault = _write_reports(report, directory)
    seconds = time.monotonic() - began
    _publish(report, request, directory, campaign, seconds=seconds)
    if fault is not None or late_fault is not None:
        raise fault or late_fault or AssertionError("one of the two is there")
    return report.exit_code


def collect(campaign: Runnable, request: RunRequest) -> tuple[RunReport, RunDirectory, float]:
    """Run the campaign without a word, as a test does; signals are left alone.

    Returns the report, the run directory, and how many seconds it took.

    Raises:
        UsageError: the run directory or the log cannot be written; nothing has run then.
        Exception: what ended the campaign, or a full disk.
    """
    directory, report = request.directory, _empty_report(request)
    began = time.monotonic()
    with _open_logs(directory, request.log) as logs:
        _pump(campaign, report, logs)
    write_whole(directory.report, markdown_report(report))
    write_whole(directory.page, html_report(report))
    return report, directory, time.monotonic() - began


def _empty_report(request: RunRequest) -> RunReport:
    return RunReport(
        request.seed,
        scenario_paths={scenario.name: scenario.path for scenario in request.scenarios},
        arguments=request.arguments,
        runs=request.runs,
    )


@contextlib.contextmanager
def _open_logs(directory: RunDirectory, second: str | None) -> Iterator[tuple[NdjsonWriter, ...]]:
    with contextlib.ExitStack() as stack:
        try:
            logs = [NdjsonWriter.create(directory.events)]
            stack.callback(logs[0].close)
            if second == STDOUT:
                sys.stdout.flush()
                logs.append(NdjsonWriter(sys.stdout.fileno(), name="stdout"))
            elif second is not None:
                logs.append(NdjsonWriter.create(second))
                stack.callback(logs[1].close)
        except UsageError:
            directory.discard()
            raise
        yield tuple(logs)


def _greeting(request: RunRequest) -> str:
    begin = f"seed {shell_word(request.seed)}: {counted(len(request.scenarios), 'scenario')}"
    cases = total_cases(request.case_counts.values())
    if cases is None:
        has_turns = any(fault.in_turn for each in request.scenarios for fault in each.faults)
        turns = "every call had its errors, " if has_turns else ""
        return f"{begin}, cases until {turns}the time is over or nothing new comes"
    return f"{begin}, {'up to ' if request.seconds is not None else ''}{counted(cases, 'case')}"


def _progress(request: RunRequest) -> Progress:
    # The log's lines would tear a picture on the same terminal.
    environment = {**os.environ, "CI": "1"} if request.log == STDOUT else os.environ
    return open_progress(
        sys.stderr,
        environment,
        case_counts=request.case_counts,
        seconds=request.seconds,
        color=request.color,
    )


def _follow(
    campaign: Runnable, report: RunReport, logs: Sequence[NdjsonWriter], progress: Progress
) -> Exception | None:
    """Run to the end, whichever it is; return what ended the run if it was an error."""
    try:
        campaign.watch(progress.wait)
        with _stop_signals(campaign, progress) as asked, _shown(progress):
            _pump(campaign, report, logs, progress.show)
        if asked.is_set():
            report.break_off(StopReason.INTERRUPTED)
    except KeyboardInterrupt:
        report.break_off(StopReason.INTERRUPTED)
    except Interrupted as reason:
        report.break_off(StopReason.INTERRUPTED, because=reason.message)
    except WalcrashError as fault:
        report.break_off(StopReason.FAULT, because=fault.message)
        return fault
    except Exception as fault:  # the summary comes first; the caller gets it then
        report.break_off(StopReason.FAULT)
        return fault
    return None


@contextlib.contextmanager
def _stop_signals(campaign: Runnable, progress: Progress) -> Iterator[threading.Event]:
    """Let the first SIGINT or SIGTERM ask the campaign to end, and the next one end it at once."""
    asked = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        progress.stopping()
        campaign.interrupt()

    before = {number: signal.signal(number, on_signal) for number in STOP_SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _shown(progress: Progress) -> Iterator[None]:
    progress.start()
    try:
        yield
    finally:
        progress.stop()


def _pump(
    campaign: Runnable,
    report: RunReport,
    logs: Sequence[NdjsonWriter],
    show: Callable[[LogLine], None] | None = None,
) -> None:
    lines = campaign.lines()
    try:
        for line in lines:
            report.add(line)
            for log in logs:
                log.write(line)
            if show is not None:
                show(line)
    finally:
        # However this loop ended: closing the generator is what ends the processes.
        if isinstance(lines, Generator):
            lines.close()


def _write_reports(report: RunReport, directory: RunDirectory) -> Exception | None:
    """Write what can be written, and return the first fault: the summary comes before it."""
    first: Exception | None = None
    for path, render in ((directory.report, markdown_report), (directory.page, html_report)):
        try:
            write_whole(path, render(report))
        except Exception as fault:
            first = first or fault
    return first


def _publish(
    report: RunReport,
    request: RunRequest,
    directory: RunDirectory,
    campaign: Runnable,
    *,
    seconds: float,
) -> None:
    text = summary_text(
        report,
        seconds=seconds,
        budget_seconds=request.seconds,
        report_path=directory.report if os.path.exists(directory.report) else "",
        page_path=directory.page if os.path.exists(directory.page) else "",
        changes=campaign.changes,
        unfollowed=campaign.unfollowed,
        runs=request.runs,
        resume_path=directory.path if request.keeps_state and report.is_worth_resuming else "",
        width=shutil.get_terminal_size((WIDTH, 0)).columns,
    )
    if request.log == STDOUT:
        talk(text)
    else:
        publish(text, color=request.color and wants_color(sys.stdout, os.environ))
