"""`walcrash probe`: the strongest contract that a subject keeps."""

import os

import click

from walcrash.cli.options import (
    JOBS,
    MOST_AUDITED,
    RUNS,
    SEED,
    SEED_BYTES,
    read_seconds,
    usable_cpus,
)
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("subject", metavar="SUBJECT")
@SEED
@click.option(
    "--cases",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    default=40,
    show_default=True,
    help="Most cases for one promise.",
)
@click.option(
    "--images",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    default=80,
    show_default=True,
    help="Most images of one case with a power loss.",
)
@click.option(
    "--time",
    "seconds",
    callback=read_seconds,
    metavar="TIME",
    help="Budget of the probe: 90, 60s, 5m, 1h.",
)
@JOBS
@RUNS
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
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
        master_seed=seed if seed is not None else os.urandom(SEED_BYTES).hex(),
        runs=Path(runs),
        cases=cases,
        images=images,
        seconds=seconds,
        jobs=jobs or usable_cpus(),
    )
    return publish_probe(run_probe(plan, say=talk), runs=runs, as_json=as_json)
