"""`walcrash bundle`: a kept finding as one file."""

import click

from walcrash.cli.options import RUNS, SUBJECT
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("finding", metavar="FINDING")
@click.option("-o", "--output", metavar="FILE", help="Where to.  [default: FINDING.zip]")
@SUBJECT
@RUNS
def bundle(finding: str, output: str | None, subject: str | None, runs: str) -> ExitCode:
    """Write a finding to one file that can be read and replayed anywhere."""
    from pathlib import Path

    from walcrash.report.bundle_text import publish_bundle
    from walcrash.tools.make_bundle import make_bundle

    path = None if output is None else Path(output)
    made = make_bundle(finding, runs=Path(runs), output=path, subject=subject)
    return publish_bundle(made)
