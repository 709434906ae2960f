"""`walcrash compare`: two subjects, or two settings of one, under the same cases."""

import os

import click

from walcrash.cli.options import (
    JOBS,
    MOST_AUDITED,
    SEED,
    SEED_BYTES,
    read_seconds,
    usable_cpus,
)
from walcrash.values.errors import ExitCode, UsageError


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@SEED
@click.option(
    "--cases",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    help="Cases.  [default: 40]",
)
@click.option("--case", type=click.IntRange(min=0), metavar="I", help="Run this one case.")
@click.option(
    "--time",
    "seconds",
    callback=read_seconds,
    metavar="TIME",
    help="Budget of the comparison: 90, 60s, 5m, 1h.",
)
@JOBS
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the text.")
def compare(
    first: str,
    second: str,
    seed: str | None,
    cases: int | None,
    case: int | None,
    seconds: float | None,
    jobs: int | None,
    as_json: bool,
) -> ExitCode:
    """Run the same cases under two subjects, each a scenario or NAME[,OPTION=VALUE]..."""
    if case is not None and cases is not None:
        raise UsageError(
            "--case runs one case alone and --cases sets how many; both were given",
            hint="leave one of them out",
        )
    from walcrash.findings.subject_words import read_subject
    from walcrash.report.compare_text import publish_comparison
    from walcrash.report.output import talk
    from walcrash.tools.compare import CASES, ComparePlan, run_compare

    plan = ComparePlan(
        scenarios=(
            read_subject(first, command="compare reference"),
            read_subject(second, command="compare reference"),
        ),
        master_seed=seed if seed is not None else os.urandom(SEED_BYTES).hex(),
        cases=cases or CASES,
        only_case=case,
        seconds=seconds,
        jobs=jobs or usable_cpus(),
    )
    return publish_comparison(run_compare(plan, say=talk), as_json=as_json)
