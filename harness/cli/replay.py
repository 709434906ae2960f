"""`walcrash replay`: a kept finding again."""

import click

from harness.cli.options import MOST_REPLAYS, NO_COLOR, RUNS
from harness.values.errors import ExitCode


@click.command()
@click.argument("finding", metavar="FINDING")
@click.option(
    "--times",
    type=click.IntRange(1, MOST_REPLAYS),
    metavar="N",
    default=5,
    show_default=True,
    help="How often, each time in fresh processes.",
)
@RUNS
@NO_COLOR
def replay(finding: str, times: int, runs: str, no_color: bool) -> ExitCode:
    """Run a kept finding again, by its id (such as F-7c1e) or the beginning of it."""
    from pathlib import Path

    from harness.campaign.replay import replay_finding
    from harness.report.replay_text import publish_replays

    results = replay_finding(finding, runs=Path(runs), times=times)
    return publish_replays(results, times=times, runs=runs, color=not no_color)
