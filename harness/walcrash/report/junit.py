"""A run as JUnit XML: a suite for each scenario, a test for each invariant.

An invariant that was judged passes or fails, one that could not be judged is skipped with the
reason. What was not tested is an error: a scenario that is inconclusive, did not end or never
began, and a run that was ended early. So a file without failures and errors is a run that passed.
There is no clock in it: the same seed gives the same bytes.

Not here: images, crash points and stories, for which JUnit has no place.

Source: the structure that Jenkins' `xunit` plugin and GitLab read; XML 1.0, section 2.2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from walcrash.report.finding_text import finding_text, unreported_text
from walcrash.report.matrix_text import matrix_properties
from walcrash.report.run_report import RunReport
from walcrash.report.search_coverage import search_properties
from walcrash.report.text import counted, escape, shorten
from walcrash.report.unopened_text import unopened_lines
from walcrash.values.finding import Finding
from walcrash.values.log import CaseJudged, ScenarioEnded, StopReason
from walcrash.values.verdict import Invariant, Verdict

# limits
MESSAGE_CHARACTERS: Final = 400
"""Longest message of a failure, error or skip; the text below it has more."""

VERDICT: Final = "verdict"
"""The test that is not of one invariant, but of all that was asked for."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What a test that did not pass has inside: an element, its attributes and its text."""

    tag: str
    message: str
    text: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _Suite:
    """`tests` has None for a test that passed; `notes` go to the suite's output."""

    name: str
    tests: dict[str, _Result | None]
    properties: tuple[tuple[str, str], ...] = ()
    path: str = ""
    notes: str = ""

    def count(self, tag: str) -> int:
        return sum(1 for result in self.tests.values() if result is not None and result.tag == tag)


def junit_report(report: RunReport) -> str:
    """Return the run as JUnit XML, ending with a newline."""
    suites = list(_suites(report))
    root = ElementTree.Element("testsuites", {"name": "walcrash", **_counts(suites)})
    for suite in suites:
        root.append(_suite_element(suite))
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


# What there is to report.


def _suites(report: RunReport) -> Iterator[_Suite]:
    is_red = False
    for scenario in report.scenarios:
        suite = _scenario(report, scenario)
        is_red = is_red or suite.count("failure") + suite.count("error") > 0
        yield suite
    for name in report.not_run:
        is_red = True
        never = _Result("error", "it was not run: the run ended before it began", kind="not-run")
        yield _Suite(name, {VERDICT: never}, path=report.file_of(name))
    is_cut_short = report.stopped in (StopReason.INTERRUPTED, StopReason.FAULT)
    if is_cut_short or (report.verdict is not Verdict.PASS and not is_red):
        message = f"the run is {report.verdict.value}; it stopped: {report.why_stopped}"
        yield _Suite("run", {VERDICT: _Result("error", message, kind=report.verdict.value)})


def _scenario(report: RunReport, scenario: ScenarioEnded) -> _Suite:
    name = scenario.scenario
    started = report.started.get(name)
    unjudged = dict(scenario.unjudged)
    unjudged.update({} if started is None else started.unjudged)
    broken = _broken(report, name)
    tests: dict[str, _Result | None] = {}
    for invariant in Invariant:
        if invariant in broken:
            tests[invariant.value] = _failure(report, invariant, broken[invariant])
        elif invariant in report.broken.get(name, {}):
            tests[invariant.value] = _portability(report, invariant, report.broken[name][invariant])
        elif invariant in scenario.judged:
            tests[invariant.value] = None
        elif invariant in unjudged:
            tests[invariant.value] = _Result("skipped", f"not judged: {unjudged[invariant]}")
    is_broken = any(result and result.tag == "failure" for result in tests.values())
    doubt = _doubt(report, scenario, is_broken=is_broken)
    if doubt:
        unopened = "\n".join(unopened_lines(scenario))
        tests[VERDICT] = _Result("error", doubt, unopened, kind=Verdict.INCONCLUSIVE.value)
    properties = [("seed", report.seed), ("walcrash", report.version)]
    if started is not None:
        properties.append(("subject", started.subject))
    if scenario.search is not None:
        properties += search_properties(scenario.search)
    if scenario.matrix is not None:
        properties += matrix_properties(scenario.matrix)
    return _Suite(
        name,
        tests,
        properties=tuple(properties),
        path=report.file_of(name),
        notes=_notes(report, scenario),
    )


def _broken(report: RunReport, scenario: str) -> dict[Invariant, list[Finding | CaseJudged]]:
    """Return what broke each invariant, those first whose name it gave."""
    broken: dict[Invariant, list[Finding | CaseJudged]] = {}
    findings = [finding for finding in report.findings if finding.scenario == scenario]
    for finding in findings:
        broken.setdefault(finding.worst.invariant, []).append(finding)
    for finding in findings:
        for invariant in dict.fromkeys(other.invariant for other in finding.violations[1:]):
            if finding not in broken.setdefault(invariant, []):
                broken[invariant].append(finding)
    for case in report.unreported:
        if case.scenario == scenario:
            for invariant in case.invariants:
                broken.setdefault(invariant, []).append(case)
    return broken


def _failure(
    report: RunReport, invariant: Invariant, broken: Sequence[Finding | CaseJudged]
) -> _Result:
    message = _first_message(invariant, broken[0])
    if len(broken) > 1:
        message = f"{message} (and {counted(len(broken) - 1, 'more finding')})"
    text = "\n\n\n".join(_text(report, each) for each in broken)
    return _Result("failure", message, text, invariant.value)


def _portability(report: RunReport, invariant: Invariant, finding: str) -> _Result:
    """Return the failure of an invariant that a finding's smallest case does not break."""
    text = "\n".join(_text(report, each) for each in report.findings if each.id == finding)
    message = f"{finding}: broken as well, by a larger case of this finding"
    return _Result("failure", message, text, invariant.value)


def _first_message(invariant: Invariant, broken: Finding | CaseJudged) -> str:
    if isinstance(broken, CaseJudged):
        return f"{broken.finding}: the run ended before this was replayed"
    messages = (each.message for each in broken.violations if each.invariant is invariant)
    label = " (plain)" if broken.is_plain else ""
    return f"{broken.id}{label}: {shorten(next(messages), MESSAGE_CHARACTERS)}"


def _text(report: RunReport, broken: Finding | CaseJudged) -> str:
    if isinstance(broken, Finding):
        return finding_text(broken, runs=report.runs_of(broken.id))
    path = report.scenario_paths.get(broken.scenario, broken.scenario)
    runs = report.runs_of(broken.finding)
    return unreported_text(broken, path, report.seed_of(broken), runs=runs)


def _doubt(report: RunReport, scenario: ScenarioEnded, *, is_broken: bool) -> str:
    """Return why a scenario says less than was asked of it; empty if it says all."""
    if scenario.scenario in report.unfinished:
        return scenario.reason
    if scenario.verdict is Verdict.INCONCLUSIVE:
        return scenario.reason or "inconclusive"
    if scenario.verdict is Verdict.FAIL:
        return "" if is_broken else f"{counted(scenario.failed, 'case')} failed, none is reported"
    return "" if scenario.passed else "no case was judged"


def _notes(report: RunReport, scenario: ScenarioEnded) -> str:
    numbers = ", ".join(
        (
            counted(scenario.cases, "case"),
            counted(scenario.boots, "boot"),
            counted(scenario.recoveries, "recovery", "recoveries"),
            counted(scenario.events, "event"),
        )
    )
    portability = [each for each in report.portability if each.scenario == scenario.scenario]
    return "\n\n\n".join([numbers, *(_text(report, each) for each in portability)])


# As XML.


def _counts(suites: Sequence[_Suite]) -> dict[str, str]:
    return {
        "tests": str(sum(len(suite.tests) for suite in suites)),
        "failures": str(sum(suite.count("failure") for suite in suites)),
        "errors": str(sum(suite.count("error") for suite in suites)),
    }


def _suite_element(suite: _Suite) -> ElementTree.Element:
    name = escape(suite.name)
    attributes = {"name": name, **_counts([suite]), "skipped": str(suite.count("skipped"))}
    element = ElementTree.Element("testsuite", attributes)
    if suite.properties:
        properties = ElementTree.SubElement(element, "properties")
        for key, value in suite.properties:
            pair = {"name": key, "value": shorten(value)}
            ElementTree.SubElement(properties, "property", pair)
    for test, result in suite.tests.items():
        case = {"classname": f"walcrash.{name}", "name": test}
        if suite.path:
            case["file"] = escape(suite.path)
        _add_result(ElementTree.SubElement(element, "testcase", case), result)
    if suite.notes:
        ElementTree.SubElement(element, "system-out").text = _lines(suite.notes)
    return element


def _add_result(case: ElementTree.Element, result: _Result | None) -> None:
    if result is None:
        return
    attributes = {"message": shorten(result.message, 2 * MESSAGE_CHARACTERS)}
    if result.kind:
        attributes["type"] = result.kind
    ElementTree.SubElement(case, result.tag, attributes).text = _lines(result.text) or None


def _lines(text: str) -> str:
    """Return the text with every character escaped that XML 1.0 does not allow."""
    return "\n".join(escape(line) for line in text.split("\n"))
