"""`walcrash report`: runs that are over, in another format."""

import click

from walcrash.values.errors import ExitCode, UsageError


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--to", "name", metavar="FORMAT", required=True, help="What to make; an unknown one lists all."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write it; - is stdout.  [default: in RUN; -, for github, several RUNs, stdin]",
)
@click.option(
    "--runs",
    "kept_in",
    metavar="DIR",
    envvar="WALCRASH_RUNS",
    show_envvar=True,
    help="Directory that keeps the findings, for the commands.  [default: looked for beside RUN]",
)
def report(runs: tuple[str, ...], name: str, output: str | None, kept_in: str | None) -> ExitCode:
    """Make a report from a run's event log, or one report from those of several runs.

    RUN is the directory of a run, such as one in reports/runs, or its events.ndjson; - is stdin.
    The exit code says whether the report was made, not what is in it.
    """
    from walcrash.report.convert import convert_runs
    from walcrash.report.formats import FORMATS

    if name not in FORMATS:
        raise UsageError(
            f"there is no format `{name}`; there: {', '.join(FORMATS)}",
            hint=f"walcrash report RUN --to {next(iter(FORMATS))}",
        )
    convert_runs(runs, FORMATS[name], output=output, kept_in=kept_in)
    return ExitCode.PASSED
