"""`walcrash findings`: what is kept."""

import click

from walcrash.cli.options import RUNS, json_option
from walcrash.values.errors import ExitCode


@click.command()
@json_option("the table")
@RUNS
def findings(as_json: bool, runs: str) -> ExitCode:
    """List the findings that are kept: new, again, fixed, or back after they were fixed."""
    from pathlib import Path

    from walcrash.findings.store import Store
    from walcrash.report.findings_text import publish_findings

    return publish_findings(Store(Path(runs)).all(), as_json=as_json, runs=runs)
