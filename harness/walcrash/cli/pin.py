"""`walcrash pin`: a finding under version control."""

import click

from walcrash.cli.options import RUNS
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("finding", metavar="FINDING")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="A new scenario file for it.  [default: the finding's own]",
)
@RUNS
def pin(finding: str, output: str | None, runs: str) -> ExitCode:
    """Write a finding's smallest case into a scenario file: it runs first from then on."""
    from pathlib import Path

    from walcrash.findings.pin import pin as pin_finding
    from walcrash.report.output import publish, talk
    from walcrash.report.text import shell_path

    kept, path = pin_finding(
        finding, runs=Path(runs), output=None if output is None else Path(output)
    )
    talk(f"{kept.id}: {kept.invariant.value} is pinned; walcrash run {shell_path(str(path))}")
    publish(shell_path(str(path)))
    return ExitCode.PASSED
