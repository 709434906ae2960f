"""`walcrash explain`: the story of one finding."""

import click

from walcrash.cli.options import NO_COLOR, RUNS, SUBJECT
from walcrash.values.errors import ExitCode


@click.command()
@click.argument("finding", metavar="FINDING")
@SUBJECT
@RUNS
@NO_COLOR
def explain(finding: str, subject: str | None, runs: str, no_color: bool) -> ExitCode:
    """Explain a kept finding: what was done, what was lost, which rule broke and why.

    FINDING is an id (such as F-7c1e) or the beginning of one; its case is run once more. Or it is
    a bundle, whose own run is shown: that needs no subject.
    """
    from pathlib import Path

    from walcrash.report.bundle_text import bundle_command
    from walcrash.report.explain_text import publish_explanation
    from walcrash.tools.explain import explain_finding

    explained = explain_finding(finding, runs=Path(runs), subject=subject)
    return publish_explanation(
        explained.finding,
        explained.story,
        is_alike=explained.is_alike,
        is_kept=explained.is_kept,
        runs=runs,
        color=not no_color,
        replay=bundle_command(finding, explained.subject) if explained.is_bundle else "",
    )
