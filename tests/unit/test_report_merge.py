"""Several runs as one report: the worst verdict, sums, and findings that are one."""

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
    scenario_lines,
    scenario_started,
    started,
    story,
)

from walcrash.report.formats import FORMATS
from walcrash.report.github import github_summary
from walcrash.report.junit import junit_report
from walcrash.report.merge import merged_report
from walcrash.report.run_report import RunReport
from walcrash.values.errors import ExitCode
from walcrash.values.log import (
    CaseJudged,
    FindingReported,
    ImageTotals,
    LogLine,
    StopReason,
    line_from_json,
    line_to_json,
)
from walcrash.values.verdict import Invariant, Verdict


def shard(name: str, *, failing: tuple[int, ...] = (), seed: str = "3f9c2ab") -> list[LogLine]:
    verdict = Verdict.FAIL if failing else Verdict.PASS
    return [started(name, seed=seed), *scenario_lines(name, 4, failing), ended(verdict, 4)]


@pytest.mark.parametrize("name", FORMATS)
def test_shards_of_one_campaign_make_the_report_of_the_whole(name: str) -> None:
    shards = [shard("quickstart"), shard("torn-tail", failing=(1, 3))]
    whole = RunReport.of(failing_run())
    assert FORMATS[name].render(merged_report(shards)) == FORMATS[name].render(whole)


@pytest.mark.parametrize("name", FORMATS)
def test_one_run_is_its_own_report(name: str) -> None:
    render = FORMATS[name].render
    assert render(merged_report([failing_run()])) == render(RunReport.of(failing_run()))


def test_runs_that_passed_pass_and_their_counts_add_up() -> None:
    report = merged_report([passing_run(), passing_run()])
    assert (report.verdict, report.exit_code) == (Verdict.PASS, ExitCode.PASSED)
    (scenario,) = report.scenarios
    assert (scenario.cases, scenario.boots, scenario.recoveries) == (8, 8, 24)
    assert scenario.crash_points == {"within write": 8}
    assert report.stopped is StopReason.CASES_DONE


def test_the_worst_verdict_wins_in_any_order() -> None:
    doubt = [
        started("quickstart"),
        scenario_started("quickstart"),
        scenario_ended("quickstart", 4, 0, verdict=Verdict.INCONCLUSIVE, reason="it hangs"),
        ended(Verdict.INCONCLUSIVE, 4),
    ]
    failed = shard("quickstart", failing=(1,))
    for shards, verdict in (
        ([passing_run(), doubt], Verdict.INCONCLUSIVE),
        ([passing_run(), failed], Verdict.FAIL),
        ([doubt, failed], Verdict.FAIL),
    ):
        for order in (shards, shards[::-1]):
            report = merged_report(order)
            assert report.verdict is verdict
            assert report.scenarios[0].verdict is verdict
    assert merged_report([passing_run(), doubt]).scenarios[0].reason == "it hangs"


@pytest.mark.parametrize(
    ("stopped", "code"),
    [
        (StopReason.INTERRUPTED, ExitCode.INTERRUPTED),
        (StopReason.FAULT, ExitCode.HARNESS_FAULT),
    ],
)
def test_a_shard_that_was_cut_short_keeps_the_whole_from_passing(
    stopped: StopReason, code: ExitCode
) -> None:
    cut = [*shard("torn-tail")[:-1], ended(Verdict.PASS, 4, stopped=stopped)]
    report = merged_report([passing_run(), cut])
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, code)
    assert report.why_stopped == f"all cases done, {stopped.value}"


def test_every_prefix_of_a_shard_keeps_the_whole_from_passing() -> None:
    other = shard("torn-tail")
    for length in range(1, len(other)):
        report = merged_report([passing_run(), other[:length]])
        assert report.verdict is not Verdict.PASS
        assert report.exit_code is ExitCode.HARNESS_FAULT
        assert "<error " in junit_report(report)


def test_what_one_shard_did_not_come_to_is_not_made_up_for_by_another() -> None:
    late = [
        started("torn-tail", "quickstart"),
        *scenario_lines("torn-tail", 4),
        ended(Verdict.INCONCLUSIVE, 4, stopped=StopReason.TIME_OVER),
    ]
    report = merged_report([passing_run(), late])
    assert report.verdict is Verdict.INCONCLUSIVE
    scenario = next(each for each in report.scenarios if each.scenario == "quickstart")
    assert scenario.verdict is Verdict.INCONCLUSIVE
    assert scenario.reason == "one of the runs ended before it began"
    assert scenario.cases == 4


def test_what_no_shard_came_to_was_not_run() -> None:
    cut = [started("later"), ended(Verdict.INCONCLUSIVE, 0, stopped=StopReason.TIME_OVER)]
    assert merged_report([passing_run(), cut, cut]).not_run == ("later",)


def test_findings_with_one_id_are_one_and_how_often_they_were_seen_adds_up() -> None:
    unstable = finding(seen=3, replays_alike=4, operations=1)
    stable = finding(seen=2, operations=3)
    report = merged_report([run_of((unstable, None)), run_of((stable, story()))])
    (one,) = report.findings
    assert (one.seen, one.cases, one.operations, one.is_stable) == (5, 8, 3, True)
    assert set(report.stories) == {"F-7c1e"}
    assert report.scenarios[0].findings == 1


def test_a_finding_counts_the_cases_of_shards_that_did_not_show_it() -> None:
    (one,) = merged_report([shard("torn-tail"), shard("torn-tail", failing=(1, 3))]).findings
    assert (one.seen, one.cases) == (2, 8)


def test_what_is_a_finding_in_one_shard_is_no_mere_note() -> None:
    note = finding(is_portability=True, seen=9)
    report = merged_report([run_of((note, None)), run_of((finding(), None))])
    assert [each.seen for each in report.findings] == [2]
    assert report.portability == []


def test_a_finding_that_one_shard_replayed_is_not_unreported_in_another() -> None:
    cut = [
        started("torn-tail"),
        scenario_started("torn-tail"),
        judged("torn-tail", 0, failing=True),
    ]
    for shards in (
        [shard("torn-tail", failing=(1,)), cut],
        [cut, shard("torn-tail", failing=(1,))],
    ):
        report = merged_report(shards)
        assert report.unreported == ()
        assert [each.id for each in report.findings] == ["F-7c1e"]


def test_a_failure_that_was_never_replayed_is_told_with_the_seed_of_its_run() -> None:
    cut = [
        started("torn-tail", seed="night-2"),
        scenario_started("torn-tail"),
        judged("torn-tail", 3, failing=True),
    ]
    other = [started("torn-tail", seed="night-3"), *cut[1:]]
    text = github_summary(merged_report([shard("quickstart", seed="night-1"), cut, other]))
    assert "Seed: night-1, night-2, night-3." in text
    assert "walcrash run torn-tail --seed night-2 --case 3" in text


def test_reasons_images_and_what_was_broken_are_kept() -> None:
    images = ImageTotals(positions=1, all_positions=2, legal=3, judged=4, policies={"all kept": 4})
    one = [
        started("quickstart"),
        replace(
            scenario_started("quickstart"), unjudged=((Invariant.SILENT_ROT, "nothing rotted"),)
        ),
        scenario_ended("quickstart", 4, 0, images=images),
        ended(Verdict.PASS, 4),
    ]
    other = [*one[:2], scenario_ended("quickstart", 4, 0, images=images), one[-1]]
    report = merged_report([one, other, passing_run()])
    merged = report.scenarios[0].images
    assert merged is not None
    assert (merged.positions, merged.all_positions, merged.legal, merged.judged) == (2, 4, 6, 8)
    assert merged.policies == {"all kept": 8}
    assert dict(report.started["quickstart"].unjudged) == {
        Invariant.SILENT_ROT: "nothing rotted",
        Invariant.REQUEUE: "the subject lacks the capability effects",
    }


def test_where_crashes_fell_adds_up() -> None:
    cases = [line for line in failing_run() if isinstance(line, CaseJudged)]
    assert len(cases) == 8
    one, two = merged_report([failing_run()]), merged_report([failing_run(), failing_run()])
    assert one.coverage.reached == two.coverage.reached
    cell = {row.kind: row.cells[1].text for row in two.coverage.rows}["write"]
    assert cell == "16"


def test_a_note_stays_a_note() -> None:
    lines: list[LogLine] = [
        *passing_run()[:-1],
        FindingReported(finding=finding(scenario="quickstart", is_portability=True)),
        passing_run()[-1],
    ]
    report = merged_report([lines, lines])
    assert report.verdict is Verdict.PASS
    assert [each.seen for each in report.portability] == [4]
    assert report.scenarios[0].portability == 1


def test_more_legal_states_than_64_bits_count_come_back_from_the_log() -> None:
    images = ImageTotals(positions=1, all_positions=2, legal=2**80, judged=4)
    line = scenario_ended("quick", 4, 0, images=images)
    assert line_from_json(line_to_json(line)) == line
