"""The formats that a run's event log can be turned into, by name.

A format is a function from a report to text; the name of its file is given with it. What is
added here is offered by `walcrash report --to`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from walcrash.report.github import github_annotations, github_summary
from walcrash.report.html import html_report
from walcrash.report.junit import junit_report
from walcrash.report.matrix_markdown import matrix_markdown
from walcrash.report.matrix_text import matrix_report
from walcrash.report.run_report import RunReport
from walcrash.report.sarif import sarif_report


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the file that a run's directory has it in, and how it is made.

    It `is_streamed` if it is there to be piped or appended: then it goes to stdout by default.
    """

    file_name: str
    render: Callable[[RunReport], str]
    is_streamed: bool = False


FORMATS: Mapping[str, Format] = {
    "html": Format("report.html", html_report),
    "junit": Format("junit.xml", junit_report),
    "sarif": Format("report.sarif", sarif_report),
    "matrix": Format("matrix.txt", matrix_report, is_streamed=True),
    "matrix-markdown": Format("matrix.md", matrix_markdown, is_streamed=True),
    "github": Format("github.md", github_summary, is_streamed=True),
    "github-annotations": Format("github-annotations.txt", github_annotations, is_streamed=True),
}
