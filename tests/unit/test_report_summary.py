"""The end of a run as text, and as Markdown."""

import re
from dataclasses import replace

import pytest
from report_lines import failing_run, finding, passing_run, scenario_ended, scenario_started

from walcrash.report.finding_text import finding_text
from walcrash.report.markdown import fenced, markdown_report, plain
from walcrash.report.run_report import RunReport
from walcrash.report.summary import FINDINGS_SHOWN, summary_text
from walcrash.values.fault_matrix import REPEATED_RANDOM, BootRow, FaultMatrix, FaultOutcome
from walcrash.values.further_recoveries import FurtherRecoveries
from walcrash.values.log import CampaignEnded, FindingReported, LogLine, StopReason
from walcrash.values.varied import Surrounding, Varied
from walcrash.values.verdict import Invariant

PATHS = {"quickstart": "quickstart", "torn-tail": "scenarios/torn-tail.toml"}


def report_of(lines: list[LogLine], *arguments: str, paths: dict[str, str] = PATHS) -> RunReport:
    report = RunReport("3f9c2ab", scenario_paths=paths, arguments=arguments)
    for line in lines:
        report.add(line)
    return report


def text_of(report: RunReport, **changes: str) -> str:
    return summary_text(report, seconds=1.25, report_path="runs/x/report.md", **changes)  # type: ignore[arg-type]


def test_a_run_ends_with_its_verdict_seed_and_why_it_stopped() -> None:
    one = {"quickstart": "quickstart"}
    text = text_of(report_of(passing_run(), "quickstart", "--cases", "4", paths=one))
    assert "PASS  no findings in 4 cases, 4 boots, 12 recoveries, 120 events" in text
    assert "  stopped   all cases done, after 1.2 s" in text
    assert "  seed      3f9c2ab" in text
    assert "  report    runs/x/report.md" in text
    assert text.endswith("  again     walcrash run quickstart --cases 4 --seed 3f9c2ab")


def test_crash_points_are_counted_by_placement_and_kind() -> None:
    lines = [
        scenario_ended("quickstart", 4, 0, crash_points={"within write": 3, "before fsync": 1}),
        scenario_ended("torn-tail", 4, 0, crash_points={"within write": 2, "after reply": 9}),
    ]
    text = text_of(report_of(lines))
    rows = [line.split() for line in text.splitlines()]
    assert ["fsync", "1", "0", "0"] in rows
    assert ["reply", "0", "0", "9"] in rows
    assert ["write", "0", "5", "0"] in rows


def test_damage_at_rest_is_no_call_that_failed() -> None:
    only_rot = {"within write": 3, "damage at rest": 4}
    text = text_of(report_of([scenario_ended("quickstart", 4, 0, crash_points=only_rot)]))
    assert "  in 4 cases files were damaged at rest\n" in text
    assert "as injected" not in text
    both = {"injected fault": 2, "damage at rest": 1}
    text = text_of(report_of([scenario_ended("quickstart", 4, 0, crash_points=both)]))
    assert "  2 calls failed or moved a part, as injected\n" in text
    assert "  in 1 case files were damaged at rest\n" in text


def test_boots_with_another_clock_or_bytes_that_repeat_are_counted() -> None:
    jumped = {
        "clock days behind": {FaultOutcome.KEPT: 4},
        "clock hours ahead": {FaultOutcome.KEPT: 1},
    }
    repeated = {REPEATED_RANDOM: {FaultOutcome.KEPT: 1, FaultOutcome.NO_EFFECT: 2}}
    rows = (
        BootRow(is_later=False, made=9, struck=jumped),
        BootRow(is_later=True, made=9, struck=repeated),
    )
    ended = replace(scenario_ended("quickstart", 4, 0), matrix=FaultMatrix(boots=rows))
    lines = text_of(report_of([ended])).splitlines()
    assert "  in 5 boots the wall clock had jumped, as injected" in lines
    nobody = "in 2 nobody asked for any, or no other had the same"
    assert f"  in 3 boots random bytes repeated, as injected; {nobody}" in lines


def test_what_was_varied_is_said_with_whom_it_was_varied_for_and_what_was_not() -> None:
    varied = (
        Varied(program="filelog", what=Surrounding.CLOCK),
        Varied(program="sh", what=Surrounding.CLOCK),
        Varied(program="sh", what=Surrounding.LISTING),
        Varied(program="old", what=Surrounding.CLOCK, problem="it has no 64-bit vDSO"),
    )
    judged = (Invariant.LOST_PUT, Invariant.DETERMINISM)
    lines = [scenario_ended("quickstart", 4, 0, judged=judged, varied=varied)]
    text = " ".join(text_of(report_of(lines)).split())
    said = "varied hash seed, time zone, locale; clock for filelog, sh; directory order for sh"
    assert f"{said} not clock for old: it has no 64-bit vDSO" in text
    page = " ".join(markdown_report(report_of(lines)).split())
    assert "clock for filelog, sh; directory order for sh" in page
    assert "Not varied: clock for old" in page


def test_nothing_is_said_to_be_varied_where_determinism_was_not_judged() -> None:
    varied = (Varied(program="filelog", what=Surrounding.CLOCK),)
    lines = [scenario_ended("quickstart", 4, 0, judged=(Invariant.LOST_PUT,), varied=varied)]
    assert "varied" not in text_of(report_of(lines))


def test_every_finding_stands_with_its_command_before_the_verdict() -> None:
    text = text_of(report_of(failing_run()))
    assert text.index(finding_text(finding())) < text.index("FAIL  1 finding in 8 cases")


def test_more_findings_than_anyone_reads_are_left_to_the_report() -> None:
    more = [FindingReported(finding=finding(id=f"F-{i:04x}")) for i in range(FINDINGS_SHOWN + 2)]
    text = text_of(report_of([*failing_run()[:-1], *more]))
    assert "and 3 more findings: see the report" in text


def test_an_interrupted_run_tells_of_a_finding_that_was_not_replayed() -> None:
    report = report_of(failing_run()[:10])
    report.break_off(StopReason.INTERRUPTED)
    text = text_of(report)
    assert "FAIL  torn-tail · lost-put · F-7c1e" in text
    assert "walcrash run scenarios/torn-tail.toml --seed 3f9c2ab --case 1" in text
    assert "stopped   interrupted" in text


def test_a_scenario_that_never_began_stands_in_the_table() -> None:
    assert re.search(r"torn-tail +not run +0", text_of(report_of(passing_run())))


def test_why_a_scenario_is_inconclusive_stands_below_the_table() -> None:
    lines = [scenario_ended("quickstart", 0, 1, reason="the subject broke without a crash")]
    assert "  quickstart: the subject broke without a crash" in text_of(report_of(lines))


def test_no_line_is_wider_than_asked_but_for_commands_and_tables() -> None:
    text = text_of(report_of(failing_run()), width=70)  # type: ignore[arg-type]
    wide = [line for line in text.splitlines() if len(line) > 70]
    assert all("walcrash run" in line or line.startswith("  scenario  ") for line in wide)


def test_markdown_is_the_same_for_the_same_lines_and_shows_every_finding() -> None:
    one, other = (markdown_report(report_of(failing_run())) for _ in range(2))
    assert one == other
    assert finding_text(finding()) in one
    assert one.startswith("# walcrash: FAIL\n")
    assert one.endswith("|\n")


def test_markdown_cannot_be_broken_by_what_a_subject_says() -> None:
    assert plain("a|b `c` <img> *d*\n# e") == "a\\|b \\`c\\` \\<img\\> \\*d\\*\\\\n\\# e"
    assert fenced("```\n# no\n```").startswith("````text\n")


def test_markdown_of_an_interrupted_run_names_what_is_missing() -> None:
    report = report_of([scenario_started("quickstart"), *failing_run()[7:10]])
    report.break_off(StopReason.INTERRUPTED)
    text = markdown_report(report)
    assert "the run ended before this was replayed" in text
    assert "- quickstart: the run ended first" in text


def test_what_was_left_out_of_further_recoveries_is_said_with_how_many_there_were() -> None:
    further = FurtherRecoveries(
        made={"recovery again": 10, "recovery after new records": 9, "perturbed recovery": 10},
        left_out={"recovery again": 30, "perturbed recovery": 1_030},
        later_boots=13,
    )
    report = report_of([scenario_ended("quickstart", 4, 0, further=further)])
    text = " ".join(text_of(report).split())
    said = (
        "images recovered 10 of 40 again, 10 of 1,040 in other surroundings; the others had "
        "nothing new; 13 boots behind those of cases that passed"
    )
    assert f"further {said}" in text
    assert f"Further: {said}." in " ".join(markdown_report(report).split())


def test_nothing_is_said_of_further_recoveries_where_all_were_made() -> None:
    further = FurtherRecoveries(made={"recovery again": 10})
    text = text_of(report_of([scenario_ended("quickstart", 4, 0, further=further)]))
    assert "  further " not in text


@pytest.mark.parametrize(
    ("seconds", "budget_seconds", "said"),
    [
        (176.2, 180.0, "nothing else fits in the 4 s of the time budget that are left"),
        (179.6, 180.0, "time budget used up"),
        (176.2, None, "time budget used up"),
    ],
)
def test_time_that_is_left_of_a_budget_is_not_said_to_be_used_up(
    seconds: float, budget_seconds: float | None, said: str
) -> None:
    *lines, end = passing_run()
    assert isinstance(end, CampaignEnded)
    report = report_of([*lines, replace(end, stopped=StopReason.TIME_OVER)])
    text = summary_text(
        report, seconds=seconds, budget_seconds=budget_seconds, report_path="", width=200
    )
    assert f"stopped   {said}, after {seconds} s" in text
