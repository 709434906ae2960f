"""A finding that needs no crash, and a subject that cannot be opened, in every report."""

import json
from dataclasses import replace

import pytest
from report_lines import ended, finding, run_of, scenario_ended, scenario_started, started, story

from walcrash.report.explain_text import explanation_text
from walcrash.report.finding_text import finding_text
from walcrash.report.formats import FORMATS
from walcrash.report.markdown import markdown_report
from walcrash.report.run_report import RunReport
from walcrash.report.summary import summary_text
from walcrash.values.finding import Finding
from walcrash.values.log import LOG, LogLine, ScenarioEnded, Unopened, line_from_json, line_to_json
from walcrash.values.recovery import FailureKind
from walcrash.values.verdict import Verdict

PLAIN = finding(landings=(), is_plain=True)
NEEDS_NONE = "it needs no crash"
UNOPENED = Unopened(
    kind=FailureKind.REFUSED,
    message="RuntimeError: no licence",
    output="looking for a licence\nthere is none",
    story=story(),
)
ENDED = scenario_ended(
    "torn-tail",
    0,
    0,
    verdict=Verdict.INCONCLUSIVE,
    reason="it cannot be opened",
    unopened=UNOPENED,
)


def report_of(lines: list[LogLine]) -> RunReport:
    report = RunReport("3f9c2ab", scenario_paths={"torn-tail": "torn-tail.toml"})
    for line in lines:
        report.add(line)
    return report


def test_the_text_of_a_plain_finding_says_that_it_needs_no_crash() -> None:
    text = finding_text(PLAIN)
    assert text.startswith("FAIL  torn-tail · lost-put · F-7c1e · plain\n")
    assert NEEDS_NONE in text
    assert "\n  crash     none\n" in text
    assert "· plain" not in finding_text(finding())
    assert "Plain" not in finding_text(finding())


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"matrix", "matrix-markdown"}))
def test_every_format_of_findings_labels_a_plain_finding(name: str) -> None:
    plain = FORMATS[name].render(report_of(run_of((PLAIN, story()))))
    other = FORMATS[name].render(report_of(run_of((finding(), story()))))
    assert NEEDS_NONE in " ".join(plain.split()).replace("\\n", " ")
    assert NEEDS_NONE not in other


def test_sarif_and_annotations_have_the_label_where_a_program_looks() -> None:
    report = report_of(run_of((PLAIN, None)))
    (result,) = json.loads(FORMATS["sarif"].render(report))["runs"][0]["results"]
    assert result["properties"] == {"tags": ["plain"]}
    assert "(F-7c1e%2C plain)" in FORMATS["github-annotations"].render(report)
    assert 'message="F-7c1e (plain): ' in FORMATS["junit"].render(report)


def test_an_explanation_of_a_plain_finding_speaks_of_no_crash() -> None:
    told = explanation_text(PLAIN, story(), width=100, runs="runs")
    assert NEEDS_NONE in " ".join(told.split())
    assert "\n  taken " not in told
    assert "\n  taken " in explanation_text(finding(), story(), width=100, runs="runs")


def test_the_label_comes_back_from_json_and_stands_there_only_where_it_is_set() -> None:
    assert LOG.to_json(PLAIN)["is_plain"] is True
    assert "is_plain" not in LOG.to_json(finding())
    assert LOG.from_json(Finding, LOG.to_json(PLAIN), "finding") == PLAIN


def test_a_subject_that_was_not_opened_comes_back_from_the_log_with_all_that_it_said() -> None:
    assert line_from_json(json.loads(json.dumps(line_to_json(ENDED)))) == ENDED
    assert "unopened" not in line_to_json(replace(ENDED, unopened=None))


def unopened_report() -> RunReport:
    lines: list[LogLine] = [started("torn-tail"), scenario_started("torn-tail"), ENDED]
    return report_of([*lines, ended(Verdict.INCONCLUSIVE, 0)])


@pytest.mark.parametrize(
    "name", sorted(set(FORMATS) - {"github-annotations", "matrix", "matrix-markdown"})
)
def test_every_format_keeps_what_a_subject_did_and_printed_that_was_not_opened(name: str) -> None:
    text = FORMATS[name].render(unopened_report())
    assert "there is none" in text
    assert "append PutOperation op-1" in text


def test_the_summary_and_the_markdown_report_keep_it_too() -> None:
    summary = summary_text(unopened_report(), seconds=1.0, report_path="")
    for text in (summary, markdown_report(unopened_report())):
        assert "looking for a licence" in text
        assert "append PutOperation op-1" in text


def test_an_opened_subject_has_no_such_lines() -> None:
    assert isinstance(ENDED, ScenarioEnded)
    opened = report_of(run_of((finding(), None)))
    assert "PRINTED" not in FORMATS["github"].render(opened)
