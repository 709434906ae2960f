"""A run that is over, turned into another format: its event log in, a file or stdout out."""

import os

from harness.report.formats import Format
from harness.report.log_reader import read_log
from harness.report.output import publish, talk
from harness.report.run_folder import write_whole
from harness.report.run_report import RunReport
from harness.report.text import shell_path

STDOUT = "-"
"""As the path of an output."""


def convert_run(run: str, to: Format, *, output: str | None) -> None:
    """Write a run in a format.

    Args:
        run: the folder of a run, or its event log.
        to: the format.
        output: the file; `-` is stdout; None is the format's own name in the run's folder.

    Raises:
        UsageError: the log cannot be read, is none, or is of a newer format.
        HarnessFault: the file cannot be written.
    """
    text = to.render(RunReport.of(read_log(run)))
    if output == STDOUT:
        publish(text.removesuffix("\n"))
        return
    folder = run if os.path.isdir(run) else os.path.dirname(run)
    path = output if output is not None else os.path.join(folder, to.file_name)
    write_whole(path, text)
    talk(f"wrote {shell_path(path)}")
