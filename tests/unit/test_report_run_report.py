"""Totals, verdict and exit code of a run, whole or cut off anywhere."""

from dataclasses import replace

import pytest
from report_lines import ended, failing_run, passing_run, scenario_ended, scenario_started, started

from walcrash.report.run_report import RunReport
from walcrash.report.summary import scenario_rows, summary_text
from walcrash.values.errors import ExitCode
from walcrash.values.log import (
    CampaignStarted,
    CaseJudged,
    FindingReported,
    LogLine,
    ScenarioEnded,
    StopReason,
)
from walcrash.values.verdict import Invariant, Verdict

PATHS = {"quickstart": "quickstart", "torn-tail": "scenarios/torn-tail.toml"}


def report_of(lines: list[LogLine], names: tuple[str, ...] = ("quickstart",)) -> RunReport:
    report = RunReport("3f9c2ab", scenario_paths={name: PATHS[name] for name in names})
    for line in lines:
        report.add(line)
    return report


def test_a_passing_run_exits_with_0() -> None:
    report = report_of(passing_run())
    assert (report.verdict, report.exit_code) == (Verdict.PASS, ExitCode.PASSED)


def test_a_run_with_findings_exits_with_1() -> None:
    report = report_of(failing_run())
    assert (report.verdict, report.exit_code) == (Verdict.FAIL, ExitCode.FINDINGS)


def test_a_run_that_tested_nothing_is_never_green() -> None:
    lines = [started("quickstart"), scenario_ended("quickstart", 0, 0), ended(Verdict.PASS, 0)]
    assert report_of(lines).exit_code is ExitCode.INCONCLUSIVE


def test_a_pass_beside_a_failed_case_is_not_believed() -> None:
    lines = [*failing_run()[:-1], ended(Verdict.PASS, 8)]
    assert report_of(lines).exit_code is ExitCode.FINDINGS


@pytest.mark.parametrize("cut", range(len(failing_run())))
def test_a_run_that_was_cut_off_anywhere_never_passes(cut: int) -> None:
    report = report_of(failing_run()[:cut])
    assert report.verdict is not Verdict.PASS
    assert report.exit_code is ExitCode.HARNESS_FAULT
    report.break_off(StopReason.INTERRUPTED)
    assert report.exit_code is ExitCode.INTERRUPTED


def test_a_scenario_that_did_not_end_is_counted_from_its_cases() -> None:
    (scenario,) = report_of(passing_run()[:4]).scenarios
    assert (scenario.cases, scenario.boots, scenario.recoveries, scenario.events) == (2, 2, 6, 60)
    assert scenario.crash_points == {"within write": 2}
    assert scenario.verdict is Verdict.INCONCLUSIVE


def test_a_scenario_that_never_began_is_named_and_keeps_the_run_from_passing() -> None:
    report = report_of(passing_run(), ("quickstart", "torn-tail"))
    assert report.not_run == ("torn-tail",)
    assert report.exit_code is ExitCode.INCONCLUSIVE


def test_one_inconclusive_scenario_keeps_the_run_from_passing() -> None:
    broken = scenario_ended("torn-tail", 2, 0, verdict=Verdict.INCONCLUSIVE)
    lines = [*passing_run()[:-1], broken, ended(Verdict.PASS, 6)]
    assert report_of(lines).exit_code is ExitCode.INCONCLUSIVE


def test_an_interrupted_run_has_no_verdict_of_its_own() -> None:
    lines = [*passing_run()[:-1], ended(Verdict.PASS, 4, stopped=StopReason.INTERRUPTED)]
    assert report_of(lines).verdict is Verdict.INCONCLUSIVE


def test_a_failing_case_whose_replays_never_came_is_kept() -> None:
    report = report_of(failing_run()[:10])
    assert not report.findings
    assert [case.finding for case in report.unreported] == ["F-7c1e"]


def test_invariants_are_judged_or_have_a_reason() -> None:
    report = report_of(failing_run())
    unjudged = dict(report.unjudged)
    assert set(report.judged) | set(unjudged) == set(Invariant)
    assert unjudged[Invariant.REQUEUE] == "the subject lacks the capability effects"
    assert unjudged[Invariant.SILENT_ROT] == "no scenario asked for it"


def test_why_a_rule_was_not_judged_is_what_the_cases_lacked_and_not_the_controls() -> None:
    rot = Invariant.SILENT_ROT
    first = replace(scenario_started("quickstart"), unjudged=((rot, "of controls"),))
    report = RunReport("1", scenario_paths={}, arguments=())
    report.add(first)
    assert dict(report.unjudged)[rot] == "of controls"
    report.add(scenario_ended("quickstart", 4, 0, unjudged=((rot, "of cases"),)))
    assert dict(report.unjudged)[rot] == "of cases"


def test_a_run_that_ended_early_counts_the_failures_that_it_saw_and_what_they_broke() -> None:
    """Twice Ctrl-C: the scenario's own last line never came."""
    lines = [line for line in failing_run() if isinstance(line, CampaignStarted | CaseJudged)]
    report = report_of(lines)
    report.break_off(StopReason.INTERRUPTED)
    assert report.verdict is Verdict.FAIL
    assert [report.found(scenario) for scenario in report.scenarios] == [0, 1]
    assert report.judged == (Invariant.LOST_PUT,)
    reasons = {reason for _, reason in report.unjudged}
    assert reasons == {"the run ended before its scenario, which alone says what was judged"}
    text = summary_text(report, seconds=1.0, report_path="")
    assert "no case was judged" not in text
    assert "FAIL  1 finding in" in text


def test_an_interrupt_while_findings_are_made_leaves_them_unreported() -> None:
    """Once Ctrl-C: the scenario ends, and no finding has a name yet."""
    lines = [line for line in failing_run() if not isinstance(line, FindingReported)]
    lines = [
        replace(each, findings=0) if isinstance(each, ScenarioEnded) else each for each in lines
    ]
    report = report_of(lines)
    assert [report.found(scenario) for scenario in report.scenarios] == [0, 1]
    _, row = scenario_rows(report)
    assert row[-1] == "1"
