"""`walcrash scenarios`: what ships."""

import click

from walcrash.cli.scenario_names import load_scenarios
from walcrash.values.errors import ExitCode


@click.command()
def scenarios() -> ExitCode:
    """List the shipped scenarios."""
    import shutil

    from walcrash.report.output import publish
    from walcrash.report.text import block, shorten

    shipped = load_scenarios(())
    column = max(len(scenario.name) for scenario in shipped) + 2
    width = max(shutil.get_terminal_size((100, 0)).columns, column + 40)
    for scenario in shipped:
        lines = block(scenario.name, shorten(scenario.summary), width=width, label_width=column)
        publish("\n".join(lines))
    return ExitCode.PASSED
