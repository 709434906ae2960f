"""`walcrash selftest`: the planted bugs."""

import click

from walcrash.cli.options import JOBS, MOST_SEEDS, json_option, number_option, usable_cpus
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@number_option("--seeds", default=10, most=MOST_SEEDS, text="Seeds to try on each planted bug.")
@JOBS
@json_option("the table")
def selftest(names: tuple[str, ...], seeds: int, jobs: int | None, as_json: bool) -> ExitCode:
    """Run the planted bugs: each must be found, by the expected invariant."""
    from walcrash.report.selftest_text import publish_selftest
    from walcrash.tools.selftest import choose, run_planted

    results = run_planted(choose(names), seeds=seeds, job_count=jobs or usable_cpus())
    return publish_selftest(results, as_json=as_json)
