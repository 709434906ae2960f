"""The kept findings as a table or as JSON, by scenario and id."""

import json
from collections.abc import Sequence
from typing import Protocol

from walcrash.report.finding_text import replays
from walcrash.report.output import publish, talk
from walcrash.report.text import counted, escape, shell_path, table
from walcrash.values.errors import ExitCode
from walcrash.values.finding import Finding, FindingState
from walcrash.values.log import LOG

HEAD = ("finding", "scenario", "invariant", "state", "model", "replays", "operations", "seen")


class Kept(Protocol):
    """A finding, as the store gives it."""

    @property
    def finding(self) -> Finding:
        """As it was reported last."""

    @property
    def state(self) -> FindingState:
        """What became of it."""


def publish_findings(kept: Sequence[Kept], *, as_json: bool, runs: str) -> ExitCode:
    """Print what is kept; that there is something says nothing about the last run."""
    if as_json:
        rows = [{"state": each.state.value, "finding": LOG.to_json(each.finding)} for each in kept]
        publish(json.dumps(rows, indent=2))
    elif kept:
        publish("\n".join(table(HEAD, [_row(each) for each in kept], left=6)))
    else:
        talk(f"no finding is kept in {shell_path(runs)}")
    return ExitCode.PASSED


def _row(kept: Kept) -> tuple[str, ...]:
    finding = kept.finding
    labels = [
        label
        for label, is_set in (
            ("portability", finding.is_portability),
            ("plain", finding.is_plain),
        )
        if is_set
    ]
    note = f" ({', '.join(labels)})" if labels else ""
    return (
        escape(finding.id),
        escape(finding.scenario),
        finding.worst.invariant.value + note,
        kept.state.value,
        finding.model.value,
        replays(finding).removeprefix("replayed "),
        f"{finding.operations:,}",
        f"{finding.seen:,} of {counted(finding.cases, 'case')}",
    )
