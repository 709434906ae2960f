"""`walcrash selftest`: the planted bugs."""

import click

from walcrash.cli.options import JOBS, MOST_SEEDS, usable_cpus
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--seeds",
    type=click.IntRange(1, MOST_SEEDS),
    metavar="N",
    default=10,
    show_default=True,
    help="Seeds to try on each planted bug.",
)
@JOBS
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
def selftest(names: tuple[str, ...], seeds: int, jobs: int | None, as_json: bool) -> ExitCode:
    """Run the planted bugs: each must be found, by the expected invariant."""
    from walcrash.report.selftest_text import publish_selftest
    from walcrash.tools.selftest import choose, run_planted

    results = run_planted(choose(names), seeds=seeds, job_count=jobs or usable_cpus())
    return publish_selftest(results, as_json=as_json)
