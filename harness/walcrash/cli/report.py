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
    A bundle alone can be made into html.
    The exit code says whether the report was made, not what is in it.
    """
    from pathlib import Path

    from walcrash.report.convert import convert_bundle, convert_runs
    from walcrash.report.formats import FORMATS
    from walcrash.report.text import shell_path
    from walcrash.tools.explain import bundle_log

    if name not in FORMATS:
        raise UsageError(
            f"there is no format `{name}`; there: {', '.join(FORMATS)}",
            hint=f"walcrash report RUN --to {next(iter(FORMATS))}",
        )
    bundles = [run for run in runs if run.endswith(".zip")]
    if bundles and (len(runs) > 1 or name != "html"):
        raise UsageError(
            f"a bundle is made into html, by itself; found {', '.join(runs)} for {name}",
            hint=f"walcrash report {shell_path(bundles[0])} --to html",
        )
    if bundles:
        lines, subject = bundle_log(Path(bundles[0]))
        convert_bundle(lines, FORMATS[name], path=bundles[0], subject=subject, output=output)
        return ExitCode.PASSED
    convert_runs(runs, FORMATS[name], output=output, kept_in=kept_in)
    return ExitCode.PASSED
