"""`walcrash probe`: the strongest contract that a subject keeps."""

import click

from walcrash.cli.options import (
    JOBS,
    RUNS,
    SEED,
    chosen_or_drawn,
    json_option,
    number_option,
    time_option,
    usable_cpus,
)
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("subject", metavar="SUBJECT")
@SEED
@number_option("--cases", default=40, text="Most cases for one promise.")
@number_option("--images", default=80, text="Most images of one case with a power loss.")
@time_option("probe")
@JOBS
@RUNS
@json_option("the table")
def probe(
    subject: str,
    seed: str | None,
    cases: int,
    images: int,
    seconds: float | None,
    jobs: int | None,
    runs: str,
    as_json: bool,
) -> ExitCode:
    """Find the strongest contract that a subject keeps: a scenario, or NAME[,OPTION=VALUE]..."""
    from pathlib import Path

    from walcrash.findings.subject_words import read_subject
    from walcrash.report.output import talk
    from walcrash.report.probe_text import publish_probe
    from walcrash.tools.probe import ProbePlan, run_probe

    plan = ProbePlan(
        scenario=read_subject(subject),
        master_seed=chosen_or_drawn(seed),
        runs=Path(runs),
        cases=cases,
        images=images,
        seconds=seconds,
        jobs=jobs or usable_cpus(),
    )
    return publish_probe(run_probe(plan, say=talk), runs=runs, as_json=as_json)
