"""`walcrash audit`: one sync at a time taken away."""

import os

import click

from walcrash.cli.options import JOBS, MOST_AUDITED, SEED, SEED_BYTES, usable_cpus
from walcrash.cli.scenario_names import load_scenarios
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@SEED
@click.option(
    "--cases",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    default=12,
    show_default=True,
    help="Cases to record.",
)
@click.option(
    "--images",
    type=click.IntRange(1, MOST_AUDITED),
    metavar="N",
    default=60,
    show_default=True,
    help="Most images to judge without one sync, in each boot.",
)
@JOBS
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
def audit(
    scenario: str, seed: str | None, cases: int, images: int, jobs: int | None, as_json: bool
) -> ExitCode:
    """Take away one sync at a time and judge again: which of them carry the promise."""
    (loaded,) = load_scenarios((scenario,))
    from walcrash.report.audit_text import publish_audit
    from walcrash.report.output import talk
    from walcrash.tools.audit.audit import AuditPlan, run_audit

    plan = AuditPlan(
        scenario=loaded,
        master_seed=seed if seed is not None else os.urandom(SEED_BYTES).hex(),
        cases=cases,
        images=images,
        jobs=jobs or usable_cpus(),
    )
    return publish_audit(run_audit(plan, say=talk), as_json=as_json)
