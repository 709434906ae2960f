"""The formats that a run's event log can be turned into, by name.

A format is a function from a report to text; the name of its file stands beside it. What is
added here is offered by `walcrash report --to`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.report.html import html_report
from harness.report.run_report import RunReport


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the file that a run's folder has it in, and how it is made."""

    file_name: str
    render: Callable[[RunReport], str]


FORMATS: Mapping[str, Format] = {
    "html": Format("report.html", html_report),
}
