"""`walcrash bench`: speed as ratios; `walcrash bench search`: how soon bugs are found."""

import click

from walcrash.cli.options import JOBS, MOST_SEEDS, number_option, usable_cpus
from walcrash.values.errors import ExitCode

PARTS = ("bugs", "uniform", "rates", "settings")


@click.group(invoke_without_command=True)
@click.option("--json", "json_path", metavar="PATH", help="Write the numbers here too, as JSON.")
@click.pass_context
def bench(context: click.Context, json_path: str | None) -> ExitCode | None:
    """Measure the recorder and a kill case against what anyone would write."""
    if context.invoked_subcommand is not None:
        return None
    from walcrash.report.bench_text import publish_benchmark, say
    from walcrash.tools.bench.bench import run_bench

    return publish_benchmark(run_bench(say=say), json_path=json_path)


@bench.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@number_option("--seeds", default=20, most=MOST_SEEDS, text="Seeds of each planted bug.")
@click.option(
    "--part",
    "parts",
    type=click.Choice(PARTS),
    metavar="PART",
    multiple=True,
    help="Measure this part only: bugs, uniform, rates or settings; may be given again.",
)
@JOBS
@click.option("--before", metavar="PATH", help="Show this earlier measurement (JSON) beside.")
@click.option("--json", "json_path", metavar="PATH", help="Write every run here too, as JSON.")
@click.option("--page", "page_path", metavar="PATH", help="Write the tables here too, as a page.")
def search(
    names: tuple[str, ...],
    seeds: int,
    parts: tuple[str, ...],
    jobs: int | None,
    before: str | None,
    json_path: str | None,
    page_path: str | None,
) -> ExitCode:
    """Measure how soon planted bugs and settings that lose are found, and how fast."""
    from walcrash.report.search_text import publish_search_bench, read_search_bench, say
    from walcrash.tools.bench.search import BenchPart, SearchBenchPlan, run_search_bench

    earlier = None if before is None else read_search_bench(before)
    plan = SearchBenchPlan(
        names=names,
        seeds=seeds,
        jobs=jobs or usable_cpus(),
        parts=tuple(BenchPart(part) for part in dict.fromkeys(parts or PARTS)),
    )
    measured = run_search_bench(plan, say=say)
    return publish_search_bench(measured, before=earlier, json_path=json_path, page_path=page_path)
