"""Runs that are over, turned into another format: event logs in, a file or stdout out."""

import os
from collections.abc import Sequence

from walcrash.report.bundle_text import bundle_command
from walcrash.report.finding_text import DEFAULT_RUNS
from walcrash.report.formats import Format
from walcrash.report.log_reader import STDIN, read_log
from walcrash.report.merge import merged_report
from walcrash.report.output import publish, talk
from walcrash.report.run_directory import EVENTS, write_whole
from walcrash.report.runs_of_log import runs_of_log
from walcrash.report.text import shell_path
from walcrash.values.errors import UsageError
from walcrash.values.log import LogLine

STDOUT = "-"
"""As the path of an output."""


def convert_runs(
    runs: Sequence[str], to: Format, *, output: str | None, kept_in: str | None = None
) -> None:
    """Write one or more runs in a format; several become one report.

    Args:
        runs: the directories of runs, or their event logs; `-` is stdin.
        to: the format.
        output: the file; `-` is stdout; None is the format's own name in the run's directory, and
            stdout for several runs, for stdin, and for a format that is there to be piped.
        kept_in: the directory that keeps the findings of all of them; None to look for it.

    Raises:
        UsageError: a log cannot be read, is none, is of a newer format, or is named twice.
        HarnessFault: the file cannot be written.
    """
    _refuse_doubles(runs)
    places = [kept_in or runs_of_log(run) or DEFAULT_RUNS for run in runs]
    text = to.render(merged_report([read_log(run) for run in runs], runs=places))
    if output is None and (len(runs) > 1 or runs[0] == STDIN or to.is_streamed):
        output = STDOUT
    if output == STDOUT:
        publish(text.removesuffix("\n"))
        return
    directory = runs[0] if os.path.isdir(runs[0]) else os.path.dirname(runs[0])
    path = output if output is not None else os.path.join(directory, to.file_name)
    write_whole(path, text)
    talk(f"wrote {shell_path(path)}")


def convert_bundle(
    lines: Sequence[LogLine], to: Format, *, path: str, subject: str, output: str | None
) -> None:
    """Write the one finding of a bundle in a format.

    Args:
        lines: the bundle as an event log.
        to: the format.
        path: the bundle.
        subject: what its replay has to name; empty for nothing.
        output: the file; `-` is stdout; None is beside the bundle.

    Raises:
        HarnessFault: the file cannot be written.
    """
    report = merged_report([lines])
    read = f"walcrash explain {shell_path(path)}"
    for finding in (*report.findings, *report.portability):
        report.bundles[finding.id] = {"replay": bundle_command(path, subject), "read": read}
    text = to.render(report)
    if output == STDOUT:
        publish(text.removesuffix("\n"))
        return
    target = output or f"{os.path.splitext(path)[0]}{os.path.splitext(to.file_name)[1]}"
    write_whole(target, text)
    talk(f"wrote {shell_path(target)}")


def _refuse_doubles(runs: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for run in runs:
        log = os.path.join(run, EVENTS) if os.path.isdir(run) else run
        place = STDIN if run == STDIN else os.path.realpath(log)
        if place in seen:
            named = run if seen[place] == run else f"{seen[place]} and {run}"
            raise UsageError(
                f"a run is named twice, so it would count twice: {named}",
                hint="name each run once",
            )
        seen[place] = run
