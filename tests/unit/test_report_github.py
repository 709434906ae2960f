"""GitHub's job summary and annotations: within its limits, and nothing breaks out of them."""

import re
from dataclasses import replace

import pytest
from report_lines import (
    ended,
    failing_run,
    finding,
    judged,
    passing_run,
    run_of,
    scenario_ended,
    scenario_started,
    started,
    violation,
)

from walcrash.report.github import github_annotations, github_summary
from walcrash.report.run_report import RunReport
from walcrash.values.log import FindingReported, LogLine, StopReason
from walcrash.values.verdict import Verdict

HOSTILE = "a%0A\r\n::error::x,y:z```</summary>|\x1b[2J\udc80"
STEP_BYTES = 1_048_576
COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^,:]*)(?:,[a-z]+=[^,:]*)*)::(.*)")


def annotations(lines: list[LogLine]) -> list[tuple[str, dict[str, str], str]]:
    """Return level, properties and text of each command, read back as the runner does."""
    told = []
    for line in github_annotations(RunReport.of(lines)).removesuffix("\n").split("\n"):
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        told.append(
            (match[1], {key: unescaped(value) for key, value in pairs}, unescaped(match[3]))
        )
    return told


def unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
        text = text.replace(code, character)
    return text.replace("%25", "%")


def many_findings(number: int, **changes: object) -> list[LogLine]:
    return run_of(*((finding(id=f"F-{each:05}", **changes), None) for each in range(number)))


def test_the_summary_has_verdict_seed_findings_and_scenarios() -> None:
    text = github_summary(RunReport.of(failing_run()))
    assert text.startswith("# walcrash: FAIL\n\n1 finding in 8 cases")
    assert "Seed: 3f9c2ab." in text
    assert "  replay    walcrash replay F-7c1e\n" in text
    assert "| torn-tail | fail | 4 |" in text
    assert "left out" not in text


def test_a_summary_that_would_be_too_large_is_cut_between_findings_and_says_so() -> None:
    long = (violation(message="x" * 1900, allowed="y" * 1900, found="z" * 1900),)
    lines = many_findings(400, violations=long)
    text = github_summary(RunReport.of(lines))
    assert 900_000 < len(text.encode()) < STEP_BYTES
    shown = text.count("FAIL  torn-tail")
    assert f"{400 - shown} more findings: left out" in text
    assert text.count("```") == 2 * shown
    assert "| torn-tail | fail |" in text


def test_a_summary_of_very_many_scenarios_stays_within_the_limit() -> None:
    names = [f"scenario-{number}-{'n' * 100}" for number in range(5_000)]
    text = github_summary(RunReport.of([started(*names), ended(Verdict.INCONCLUSIVE, 0)]))
    assert len(text.encode()) < STEP_BYTES
    assert "more lines of scenarios are left out" in text
    assert "more lines of reasons are left out" in text


def test_hostile_text_ends_no_code_block_and_no_table() -> None:
    bad = finding(violations=(violation(found=HOSTILE),))
    lines = [started(HOSTILE), scenario_started(HOSTILE), FindingReported(finding=bad)]
    lines += [scenario_ended(HOSTILE, 4, 1), ended(Verdict.FAIL, 4)]
    text = github_summary(RunReport.of(lines))
    assert "````text\n" in text
    row = next(line for line in text.split("\n") if line.startswith("| a%0A"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_a_finding_is_an_error_annotation_on_its_scenario_file() -> None:
    (told,) = annotations(failing_run())
    level, properties, text = told
    assert level == "error"
    assert properties == {
        "file": "scenarios/torn-tail.toml",
        "title": "torn-tail: lost-put (F-7c1e)",
    }
    assert text.split("\n")[-1] == "replay: walcrash replay F-7c1e"


def test_a_pass_is_a_notice_and_a_portability_finding_one_more() -> None:
    ((level, properties, text),) = annotations(passing_run())
    assert (level, properties["title"]) == ("notice", "walcrash")
    assert text.startswith("pass: 4 cases")
    beside = FindingReported(finding=finding(scenario="quickstart", is_portability=True))
    told = annotations([*passing_run()[:-1], beside, passing_run()[-1]])
    assert [each[0] for each in told] == ["notice", "notice"]


def test_what_was_not_tested_is_a_warning() -> None:
    doubt = scenario_ended("one", 4, 0, verdict=Verdict.INCONCLUSIVE, reason="it hangs")
    lines = [started("one", "two"), scenario_started("one"), doubt]
    lines.append(ended(Verdict.INCONCLUSIVE, 4, stopped=StopReason.TIME_OVER))
    told = annotations(lines)
    assert [each[0] for each in told] == ["warning", "warning", "warning"]
    assert [each[1] for each in told] == [
        {"title": "one: inconclusive"},
        {"title": "two: not run"},
        {"title": "walcrash: inconclusive"},
    ]


def test_a_failure_that_was_never_replayed_is_an_error() -> None:
    told = annotations([started("torn-tail"), judged("torn-tail", 0, failing=True)])
    assert [each[0] for each in told] == ["error", "warning"]


@pytest.mark.parametrize("is_portability", [False, True])
def test_at_most_ten_of_a_level_are_told_and_the_last_counts_the_others(
    is_portability: bool,
) -> None:
    told = annotations(many_findings(25, is_portability=is_portability))
    assert len(told) == 10
    assert told[-1][2].startswith("16 more ")
    assert len(annotations(many_findings(10, is_portability=is_portability))) == 10


def test_hostile_text_starts_no_command_and_no_property() -> None:
    bad = replace(
        finding(violations=(violation(message=HOSTILE),)),
        id=HOSTILE,
        scenario=HOSTILE,
        scenario_path=HOSTILE,
    )
    level, properties, text = annotations(run_of((bad, None)))[0]
    shown = "a%0A\\r\\n::error::x,y:z```</summary>|\\x1b[2J\\udc80"
    assert level == "error"
    assert properties == {"file": shown, "title": f"{shown}: lost-put ({shown})"}
    assert text.split("\n")[0] == shown
