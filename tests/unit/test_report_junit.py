"""JUnit XML: what a CI server reads of a run, and that nothing untested looks like a pass."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from report_lines import (
    ended,
    failing_run,
    finding,
    judged,
    passing_run,
    run_of,
    scenario_ended,
    scenario_lines,
    scenario_started,
    started,
    violation,
)

from walcrash.report.junit import junit_report
from walcrash.report.run_report import RunReport
from walcrash.values.log import FindingReported, LogLine, ScenarioStarted, StopReason
from walcrash.values.verdict import Invariant, Verdict

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
HOSTILE = "a]]>\x00\x1b[2J\u202e\udc80\ufffe<&\"'\r\n\x85\U0001f600"


def results_of(lines: Iterable[LogLine]) -> dict[tuple[str, str], ElementTree.Element | None]:
    """Return the result inside each test, None for a pass, after a look at schema and counts."""
    text = junit_report(RunReport.of(list(lines)))
    SCHEMA.validate(text)
    root = ElementTree.fromstring(text.encode())
    for element in [root, *root]:
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[name]) == len(list(element.iter(tag)))
    for suite in root:
        assert int(suite.attrib["skipped"]) == len(list(suite.iter("skipped")))
    return {
        (suite.attrib["name"], case.attrib["name"]): next(iter(case), None)
        for suite in root
        for case in suite.iter("testcase")
    }


def tags_of(lines: Iterable[LogLine]) -> dict[tuple[str, str], str]:
    return {
        key: "pass" if result is None else result.tag for key, result in results_of(lines).items()
    }


def test_each_invariant_of_each_scenario_is_a_test() -> None:
    assert tags_of(failing_run()) == {
        ("quickstart", "lost-put"): "pass",
        ("quickstart", "order"): "pass",
        ("quickstart", "requeue"): "skipped",
        ("torn-tail", "lost-put"): "failure",
        ("torn-tail", "order"): "pass",
        ("torn-tail", "requeue"): "skipped",
    }


def test_a_failure_has_the_finding_with_the_line_that_shows_it_again() -> None:
    failure = results_of(failing_run())["torn-tail", "lost-put"]
    assert failure is not None
    assert failure.attrib["type"] == "lost-put"
    assert failure.attrib["message"].startswith("F-7c1e: an acknowledged record is gone")
    assert "\n  replay    walcrash replay F-7c1e\n" in (failure.text or "")


def test_a_test_names_its_file_where_the_log_tells_it() -> None:
    root = ElementTree.fromstring(junit_report(RunReport.of(failing_run())).encode())
    files = {
        suite.attrib["name"]: {case.get("file") for case in suite.iter("testcase")}
        for suite in root
    }
    assert files == {"quickstart": {None}, "torn-tail": {"scenarios/torn-tail.toml"}}


def test_a_scenario_that_passed_names_its_file_too() -> None:
    lines = [
        replace(line, path="ours/quick.toml") if isinstance(line, ScenarioStarted) else line
        for line in passing_run()
    ]
    root = ElementTree.fromstring(junit_report(RunReport.of(lines)).encode())
    assert {case.get("file") for case in root.iter("testcase")} == {"ours/quick.toml"}


def test_what_could_not_be_judged_says_why() -> None:
    skipped = results_of(passing_run())["quickstart", "requeue"]
    assert skipped is not None
    assert skipped.attrib["message"] == "not judged: the subject lacks the capability effects"


def test_several_findings_of_one_invariant_are_one_failure() -> None:
    failure = results_of(run_of((finding(), None), (finding(id="F-2222"), None)))[
        "torn-tail", "lost-put"
    ]
    assert failure is not None
    assert failure.attrib["message"].endswith("(and 1 more finding)")
    assert "walcrash replay F-7c1e" in (failure.text or "")
    assert "walcrash replay F-2222" in (failure.text or "")


def test_what_a_finding_broke_besides_its_name_has_not_passed() -> None:
    two = finding(violations=(violation(), violation(invariant=Invariant.ORDER, message="swapped")))
    failure = results_of(run_of((two, None)))["torn-tail", "order"]
    assert failure is not None
    assert (failure.tag, failure.attrib["message"]) == ("failure", "F-7c1e: swapped")


def test_what_only_a_larger_case_broke_has_not_passed() -> None:
    case = replace(judged("torn-tail", 0, failing=True), invariants=(Invariant.ORDER,))
    lines = [
        started("torn-tail"),
        scenario_started("torn-tail"),
        case,
        FindingReported(finding=finding()),
        scenario_ended("torn-tail", 4, 1),
        ended(Verdict.FAIL, 4),
    ]
    failure = results_of(lines)["torn-tail", "order"]
    assert failure is not None
    assert (failure.tag, failure.attrib["type"]) == ("failure", "order")
    assert failure.attrib["message"] == "F-7c1e: broken as well, by a larger case of this finding"
    assert "walcrash replay F-7c1e" in (failure.text or "")


def test_a_portability_finding_is_told_and_is_no_failure() -> None:
    lines = [
        started("torn-tail"),
        scenario_started("torn-tail"),
        FindingReported(finding=finding(is_portability=True)),
        scenario_ended("torn-tail", 4, 0, portability=1),
        ended(Verdict.PASS, 4),
    ]
    assert set(tags_of(lines).values()) == {"pass", "skipped"}
    assert "NOTE  torn-tail · lost-put · F-7c1e" in junit_report(RunReport.of(lines))


def test_an_inconclusive_scenario_is_an_error() -> None:
    doubt = scenario_ended(
        "quickstart", 4, 0, verdict=Verdict.INCONCLUSIVE, reason="the subject hangs"
    )
    lines = [started("quickstart"), scenario_started("quickstart"), doubt]
    result = results_of([*lines, ended(Verdict.INCONCLUSIVE, 4)])["quickstart", "verdict"]
    assert result is not None
    assert (result.tag, result.attrib["message"]) == ("error", "the subject hangs")


def test_a_run_that_was_killed_is_never_green() -> None:
    lines = [
        started("quickstart", "torn-tail", "later"),
        *scenario_lines("quickstart", 4),
        scenario_started("torn-tail"),
        judged("torn-tail", 0),
        judged("torn-tail", 1, failing=True),
    ]
    tags = tags_of(lines)
    assert tags["quickstart", "lost-put"] == "pass"
    assert tags["torn-tail", "lost-put"] == "failure"
    assert tags["torn-tail", "verdict"] == "error"
    assert tags["later", "verdict"] == "error"
    assert tags["run", "verdict"] == "error"


@pytest.mark.parametrize("stopped", [StopReason.INTERRUPTED, StopReason.FAULT])
def test_a_run_that_was_cut_short_after_its_last_case_is_never_green(stopped: StopReason) -> None:
    lines = [*passing_run()[:-1], ended(Verdict.PASS, 4, stopped=stopped)]
    assert tags_of(lines)["run", "verdict"] == "error"


def test_a_log_that_ends_at_once_is_never_green() -> None:
    assert tags_of([started("quickstart")])["quickstart", "verdict"] == "error"
    assert tags_of([started()]) == {("run", "verdict"): "error"}


def test_every_prefix_of_a_log_is_valid_and_only_the_whole_of_a_pass_is_green() -> None:
    for run in (passing_run(), failing_run()):
        for length in range(1, len(run) + 1):
            is_green = not {"failure", "error"} & set(tags_of(run[:length]).values())
            assert is_green == (run == passing_run() and length == len(run))


def test_hostile_text_is_shown_and_breaks_nothing() -> None:
    bad = finding(
        id=HOSTILE,
        scenario=HOSTILE,
        scenario_path=HOSTILE,
        violations=(violation(message=HOSTILE, where=HOSTILE, allowed=HOSTILE, found=HOSTILE),),
    )
    lines = [
        started(HOSTILE, f"{HOSTILE}2", seed=HOSTILE),
        replace(
            scenario_started(HOSTILE),
            subject=HOSTILE,
            unjudged=((Invariant.REQUEUE, HOSTILE),),
        ),
        FindingReported(finding=bad),
        scenario_ended(HOSTILE, 4, 1),
        ended(Verdict.FAIL, 4),
    ]
    keys = set(results_of(lines))
    shown = "a]]>\\x00\\x1b[2J\\u202e\\udc80\\ufffe<&\"'\\r\\n\\x85\U0001f600"
    assert (shown, "lost-put") in keys
    assert (f"{shown}2", "verdict") in keys
