"""What a conformance check found, as text or as JSON."""

import json
import shutil
from dataclasses import asdict

from walcrash.report.output import publish
from walcrash.report.text import block, escape
from walcrash.values.conformance import (
    CheckOutcome,
    Conformance,
    ConformanceCheck,
    SubjectCosts,
)
from walcrash.values.errors import ExitCode
from walcrash.values.faults import FaultKind, FaultPlan

# limits
NARROWEST = 60
"""Columns that are used even on a narrower terminal."""

_OUTCOME_WIDTH = 9
_LABEL_WIDTH = 10


def publish_conformance(found: Conformance, *, as_json: bool) -> ExitCode:
    """Print all checks; the exit code says whether one failed."""
    width = max(NARROWEST, shutil.get_terminal_size((100, 0)).columns)
    publish(conformance_json(found) if as_json else conformance_text(found, width=width))
    return ExitCode.FINDINGS if found.failed else ExitCode.PASSED


def conformance_json(found: Conformance) -> str:
    """Return the checks and what they come to, as JSON."""
    return json.dumps(
        {
            "subject": found.subject,
            "introduced": found.introduced,
            "supports": list(found.supports),
            "conforms": not found.failed,
            "costs": None if found.costs is None else _costs_json(found.costs),
            "checks": [
                {
                    "name": check.name,
                    "outcome": check.outcome.value,
                    "rule": check.rule,
                    "found": check.found,
                    "exchanged": list(check.exchanged),
                    "hint": check.hint,
                }
                for check in found.checks
            ],
        },
        indent=2,
    )


def _costs_json(costs: SubjectCosts) -> dict[str, float | None]:
    return {**asdict(costs), "saved_by_reopen_seconds": costs.saved_by_reopen}


def conformance_text(found: Conformance, *, width: int) -> str:
    """Return a line for each check, more for those that failed, and what they come to."""
    lines = []
    for check in found.checks:
        lines += _check_lines(check, width)
    costs = [] if found.costs is None else _part("costs", costs_text(found.costs), width)
    return "\n".join([*lines, "", *costs, _conclusion(found)])


def costs_text(costs: SubjectCosts) -> str:
    """Say what a start and an image cost, and what that makes of a case."""
    text = f"a start takes {_duration(costs.start_seconds)}"
    if costs.image_seconds is None or costs.image_starts is None:
        return f"{text}; no image of a power loss was made"
    images = FaultPlan(kind=FaultKind.POWER).most_images
    text += (
        f", an image of a power loss {_duration(costs.image_seconds)}, with "
        f"{_number(costs.image_starts)} recoveries; a case with {images} images takes up to "
        f"{_duration(costs.image_seconds * images)}"
    )
    saved = costs.saved_by_reopen
    if saved is None or costs.process_seconds is None:
        return text
    text += (
        f". Of each start {_duration(costs.process_seconds)} are the driver's process until its "
        "first reply: with the capability `reopen`, one process for all recoveries, an image would "
    )
    if costs.is_mostly_process:
        return f"{text}take a small part of that"
    return f"{text}take about {_duration(costs.image_seconds - saved)}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _check_lines(check: ConformanceCheck, width: int) -> list[str]:
    label = f"{check.outcome.value:<{_OUTCOME_WIDTH}}{check.name}"
    if check.outcome is CheckOutcome.PASSED:
        return [label]
    if check.outcome is CheckOutcome.SKIPPED:
        return [f"{label}: {escape(check.found)}"]
    lines = [label, *_part("rule", check.rule, width), *_part("found", check.found, width)]
    for line in check.exchanged:
        # Not wrapped: these are the lines as they went over the pipes.
        lines.append(f"  {'':<{_LABEL_WIDTH}}{escape(line)}")
    if check.hint:
        lines += _part("hint", check.hint, width)
    return lines


def _part(label: str, text: str, width: int) -> list[str]:
    return block(f"  {label}", escape(text), width=width, label_width=_LABEL_WIDTH + 2)


def _conclusion(found: Conformance) -> str:
    name = f"{escape(found.subject)}" + (
        f" ({escape(found.introduced)})" if found.introduced else ""
    )
    supports = ", ".join(found.supports) or "nothing beyond append and replay"
    tried = sum(check.outcome is not CheckOutcome.SKIPPED for check in found.checks)
    if found.failed:
        names = ", ".join(check.name for check in found.failed)
        return f"FAIL  {name}: {len(found.failed)} of {tried} checks failed: {names}"
    return f"PASS  {name}: {tried} checks; it supports {supports}"
