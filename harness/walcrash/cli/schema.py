"""`walcrash schema`: the format of scenario files."""

import click

from walcrash.values.errors import ExitCode


@click.command()
def schema() -> ExitCode:
    """Print the JSON Schema of scenario files."""
    import json

    from walcrash.report.output import publish
    from walcrash.scenario.file import schema_json

    publish(json.dumps(schema_json(), indent=2))
    return ExitCode.PASSED
