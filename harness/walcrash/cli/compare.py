"""`walcrash compare`: two subjects, or two settings of one, under the same cases."""

import click

from walcrash.cli.options import (
    JOBS,
    SEED,
    case_option,
    chosen_or_drawn,
    json_option,
    number_option,
    time_option,
    usable_cpus,
)
from walcrash.values.errors import ExitCode, UsageError


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@SEED
@number_option("--cases", text="Cases.  [default: 40]")
@case_option("Run this one case.")
@time_option("comparison")
@JOBS
@json_option("the text")
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
        master_seed=chosen_or_drawn(seed),
        cases=cases or CASES,
        only_case=case,
        seconds=seconds,
        jobs=jobs or usable_cpus(),
    )
    return publish_comparison(run_compare(plan, say=talk), as_json=as_json)
