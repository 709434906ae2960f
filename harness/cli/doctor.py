"""`walcrash doctor`: what this machine can do."""

import click

from harness.values.errors import ExitCode


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON in place of the table.")
def doctor(as_json: bool) -> ExitCode:
    """Say what this machine can and cannot do, each with the reason."""
    from harness.campaign.doctor import run_doctor
    from harness.report.doctor_text import publish_checks

    return publish_checks(run_doctor(), as_json=as_json)
