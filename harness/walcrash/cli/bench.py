"""`walcrash bench`: speed as ratios."""

import click

from walcrash.values.errors import ExitCode


@click.command()
@click.option("--json", "json_path", metavar="PATH", help="Write the numbers here too, as JSON.")
def bench(json_path: str | None) -> ExitCode:
    """Measure the recorder and a kill case against what anyone would write."""
    from walcrash.report.bench_text import publish_benchmark, say
    from walcrash.tools.bench.bench import run_bench

    return publish_benchmark(run_bench(say=say), json_path=json_path)
