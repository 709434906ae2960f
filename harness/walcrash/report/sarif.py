"""A run as SARIF 2.1.0, for code scanning: rules are invariants, results are findings.

A result stands in the scenario's file, which is what shows it again; where in the subject the
bug is, no crash test knows. A finding keeps its fingerprint from run to run. What was not
tested has no result: it is a notification of the tool, and the run's exit code.

Source: OASIS SARIF 2.1.0; GitHub's SARIF support for code scanning.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from walcrash.report.finding_text import finding_text, unreported_text
from walcrash.report.matrix_text import matrices, matrix_properties
from walcrash.report.run_report import RunReport
from walcrash.report.search_coverage import search_properties, searches
from walcrash.report.text import escape, file_bytes, shorten
from walcrash.report.unopened_text import unopened_lines
from walcrash.values.errors import ExitCode
from walcrash.values.finding import Finding
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant, Verdict

# limits
RESULTS: Final = 5_000
"""How many results a file has at most; GitHub shows as many of one upload."""

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_Object = dict[str, object]


def sarif_report(report: RunReport) -> str:
    """Return the run as a SARIF log, ending with a newline."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _run(report: RunReport) -> _Object:
    results = list(_results(report))
    driver: _Object = {"name": "walcrash", "rules": [_rule(invariant) for invariant in Invariant]}
    search = {escape(name): dict(search_properties(each)) for name, each in searches(report)}
    faults = {escape(name): dict(matrix_properties(each)) for name, each in matrices(report)}
    if report.version:
        driver["version"] = escape(report.version)
    return {
        "tool": {"driver": driver},
        "invocations": [_invocation(report, left_out=max(0, len(results) - RESULTS))],
        "results": results[:RESULTS],
        "properties": {
            "seed": escape(report.seed),
            "verdict": report.verdict.value,
            **({"search": search} if search else {}),
            **({"faults": faults} if faults else {}),
        },
    }


def _rule(invariant: Invariant) -> _Object:
    rule = RULES[invariant].text
    return {
        "id": invariant.value,
        "name": "".join(word.capitalize() for word in invariant.value.split("-")),
        "shortDescription": {"text": f"{invariant.value}: the rule is broken"},
        "fullDescription": {"text": rule},
        "help": {"text": f"The rule: {rule}. `walcrash explain FINDING` shows how it was broken."},
        "defaultConfiguration": {"level": "error"},
    }


def _results(report: RunReport) -> Iterator[_Object]:
    for finding in report.findings:
        yield _result(report, finding)
    for case in report.unreported:
        path = report.scenario_paths.get(case.scenario, case.scenario)
        text = unreported_text(case, path, report.seed_of(case), runs=report.runs_of(case.finding))
        for invariant in case.invariants[:1]:
            yield _result_of(invariant, "error", text, path, case.finding)
    for finding in report.portability:
        yield _result(report, finding)


def _result(report: RunReport, finding: Finding) -> _Object:
    first = finding.worst
    text = finding_text(finding, runs=report.runs_of(finding.id))
    return {
        **_result_of(
            first.invariant,
            "note" if finding.is_portability else "error",
            f"{shorten(first.message)}\n\n{text}",
            finding.scenario_path,
            finding.id,
        ),
        "occurrenceCount": max(1, finding.seen),
        **({"properties": {"tags": ["plain"]}} if finding.is_plain else {}),
    }


def _result_of(invariant: Invariant, level: str, text: str, path: str, name: str) -> _Object:
    identity = escape(name)
    return {
        "ruleId": invariant.value,
        "ruleIndex": list(Invariant).index(invariant),
        "level": level,
        "message": {"text": "\n".join(escape(line) for line in text.split("\n"))},
        "locations": [_location(path)],
        # GitHub reads the second one only, and otherwise makes it of the file's first line.
        "partialFingerprints": {
            "walcrashFinding/v1": identity,
            "primaryLocationLineHash": f"{identity}:1",
        },
    }


def _location(path: str) -> _Object:
    artifact = {"uri": file_uri(path)}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": 1}}}


def file_uri(path: str) -> str:
    """Return a path as a URI reference: relative as it is, absolute with `file:`."""
    if os.path.isabs(path):
        return "file://" + quote(file_bytes(os.path.normpath(path)))
    return quote(file_bytes(Path(path).as_posix()))


def _invocation(report: RunReport, *, left_out: int) -> _Object:
    notes = list(_notifications(report, left_out))
    return {
        "executionSuccessful": report.exit_code in (ExitCode.PASSED, ExitCode.FINDINGS),
        "exitCode": int(report.exit_code),
        "exitCodeDescription": f"{report.verdict.value}; stopped: {shorten(report.why_stopped)}",
        "toolExecutionNotifications": notes,
    }


def _notifications(report: RunReport, left_out: int) -> Iterator[_Object]:
    for scenario in report.scenarios:
        if scenario.verdict is Verdict.INCONCLUSIVE or scenario.scenario in report.unfinished:
            reason = scenario.reason or "inconclusive"
            yield _notification(
                report,
                [scenario.scenario],
                f"inconclusive: {reason}",
                more="\n".join(unopened_lines(scenario)),
            )
    for name in report.not_run:
        yield _notification(report, [name], "not run: the run ended before it began")
    if report.exit_code not in (ExitCode.PASSED, ExitCode.FINDINGS):
        yield _notification(report, [], f"the run stopped: {report.why_stopped}")
    if left_out:
        yield _notification(report, [], f"{left_out:,} more results are left out of this file")


def _notification(
    report: RunReport, scenarios: Sequence[str], text: str, *, more: str = ""
) -> _Object:
    paths = [path for name in scenarios if (path := report.file_of(name))]
    prefix = "".join(f"{escape(name)}: " for name in scenarios)
    return {
        "level": "error",
        "message": {"text": prefix + shorten(text) + (f"\n\n{more}" if more else "")},
        "locations": [_location(path) for path in paths],
    }
