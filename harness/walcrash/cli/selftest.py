"""`walcrash selftest`: the planted bugs."""

import click

from walcrash.cli.options import JOBS, MOST_SEEDS, json_option, number_option, usable_cpus
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@number_option("--seeds", default=10, most=MOST_SEEDS, text="Seeds to try on each planted bug.")
@click.option(
    "--fates",
    is_flag=True,
    help="Show what each finding says became of its record, beside what is planted; on one seed.",
)
@click.option(
    "--causes",
    is_flag=True,
    help="Show how many findings each bug comes to, and under which ids; one bug is one finding.",
)
@JOBS
@json_option("the table")
def selftest(
    names: tuple[str, ...], seeds: int, fates: bool, causes: bool, jobs: int | None, as_json: bool
) -> ExitCode:
    """Run the planted bugs: each must be found, by the expected invariant."""
    if fates:
        from walcrash.report.fates_text import publish_fates
        from walcrash.tools.planted_fates import run_fates
        from walcrash.tools.selftest import choose

        told = run_fates(choose(names), job_count=jobs or usable_cpus())
        return publish_fates(told, as_json=as_json)
    if causes:
        from walcrash.report.causes_text import publish_causes
        from walcrash.tools.planted_causes import run_causes
        from walcrash.tools.selftest import choose

        found = run_causes(choose(names), seeds=seeds, job_count=jobs or usable_cpus())
        return publish_causes(found, as_json=as_json)
    from walcrash.report.selftest_text import publish_selftest
    from walcrash.tools.selftest import choose, run_planted

    results = run_planted(choose(names), seeds=seeds, job_count=jobs or usable_cpus())
    return publish_selftest(results, as_json=as_json)
