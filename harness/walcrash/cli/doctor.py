"""`walcrash doctor`: what this machine can do."""

import click

from walcrash.cli.options import json_option
from walcrash.values.errors import ExitCode


@click.command()
@json_option("the table")
def doctor(as_json: bool) -> ExitCode:
    """Say what this machine can and cannot do, each with the reason."""
    from walcrash.report.doctor_text import publish_checks
    from walcrash.tools.doctor.doctor import run_doctor

    return publish_checks(run_doctor(), as_json=as_json)
