"""`walcrash report`: a run that is over, in another format."""

import click

from harness.values.errors import ExitCode, UsageError


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--to", "name", metavar="FORMAT", required=True, help="What to make; an unknown one lists all."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write it; - is stdout.  [default: into the run's folder]",
)
def report(run: str, name: str, output: str | None) -> ExitCode:
    """Make a report from a run's event log.

    RUN is the folder of a run, such as one in reports/runs, or its events.ndjson.
    """
    from harness.report.convert import convert_run
    from harness.report.formats import FORMATS

    if name not in FORMATS:
        raise UsageError(
            f"there is no format `{name}`; there: {', '.join(FORMATS)}",
            hint=f"walcrash report RUN --to {next(iter(FORMATS))}",
        )
    convert_run(run, FORMATS[name], output=output)
    return ExitCode.PASSED
