"""`walcrash schema`: the format of scenario files."""

import click

from harness.values.errors import ExitCode


@click.command()
def schema() -> ExitCode:
    """Print the JSON Schema of scenario files."""
    import json

    from harness.campaign.scenario_file import schema_json
    from harness.report.output import publish

    publish(json.dumps(schema_json(), indent=2))
    return ExitCode.PASSED
