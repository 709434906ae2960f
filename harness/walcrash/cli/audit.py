"""`walcrash audit`: one sync at a time taken away, one call at a time made to fail."""

import click

from walcrash.cli.options import (
    JOBS,
    SEED,
    chosen_or_drawn,
    json_option,
    number_option,
    usable_cpus,
)
from walcrash.cli.scenario_names import load_scenarios
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@SEED
@number_option("--cases", default=12, text="Cases to record.")
@number_option("--images", default=60, text="Most images to judge without one sync, in each boot.")
@number_option("--fault-cases", default=2, least=0, text="Cases in which faults are tried.")
@JOBS
@json_option("the table")
def audit(
    scenario: str,
    seed: str | None,
    cases: int,
    images: int,
    fault_cases: int,
    jobs: int | None,
    as_json: bool,
) -> ExitCode:
    """Take away one sync at a time, and let one call at a time fail: which of them matter."""
    (loaded,) = load_scenarios((scenario,))
    from walcrash.report.audit_text import publish_audit
    from walcrash.report.output import talk
    from walcrash.tools.audit.audit import AuditPlan, run_audit

    plan = AuditPlan(
        scenario=loaded,
        master_seed=chosen_or_drawn(seed),
        cases=cases,
        images=images,
        fault_cases=fault_cases,
        jobs=jobs or usable_cpus(),
    )
    return publish_audit(run_audit(plan, say=talk), as_json=as_json)
