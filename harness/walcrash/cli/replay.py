"""`walcrash replay`: a kept finding again."""

import click

from walcrash.cli.options import MOST_REPLAYS, NO_COLOR, RUNS, SUBJECT, number_option
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("finding", metavar="FINDING")
@number_option(
    "--times", default=5, most=MOST_REPLAYS, text="How often, each time in fresh processes."
)
@SUBJECT
@RUNS
@NO_COLOR
def replay(finding: str, times: int, subject: str | None, runs: str, no_color: bool) -> ExitCode:
    """Run a finding again: a kept one by its id (such as F-7c1e), or a bundle.

    A bundle starts only what --subject names, and the reference log.
    """
    from pathlib import Path

    from walcrash.report.bundle_text import bundle_command
    from walcrash.report.replay_text import publish_replays
    from walcrash.tools.replay import replay_bundle, replay_finding

    if finding.endswith(".zip"):
        results = replay_bundle(Path(finding), subject=subject, times=times)
        again = bundle_command(finding, subject or "")
        return publish_replays(results, times=times, runs=runs, color=not no_color, bundle=again)
    results = replay_finding(finding, runs=Path(runs), subject=subject, times=times)
    return publish_replays(results, times=times, runs=runs, color=not no_color)
