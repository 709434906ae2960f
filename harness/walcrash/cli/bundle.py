"""`walcrash bundle`: a kept finding as one file."""

import click

from walcrash.cli.options import RUNS
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("finding", metavar="FINDING")
@click.option("-o", "--output", metavar="FILE", help="Where to.  [default: FINDING.zip]")
@RUNS
def bundle(finding: str, output: str | None, runs: str) -> ExitCode:
    """Write a finding to one file that can be read and replayed anywhere."""
    from pathlib import Path

    from walcrash.report.bundle_text import publish_bundle
    from walcrash.tools.make_bundle import make_bundle

    made = make_bundle(finding, runs=Path(runs), output=None if output is None else Path(output))
    return publish_bundle(made)
