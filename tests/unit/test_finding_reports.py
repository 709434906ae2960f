"""Findings of a scenario that is stopped, or whose time is over.

After an interrupt none is kept under a name of its own; the end of the time leaves what is known.
"""

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from bundles import small_bundle

from walcrash.campaign import finding_reports
from walcrash.campaign.finding_reports import FindingReports
from walcrash.campaign.pool import JobPool
from walcrash.campaign.tally import Tally
from walcrash.campaign.time_budget import TimeBudget
from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.case.outcome import summarise
from walcrash.findings.store import NAME, Store
from walcrash.minimise.cause import cause_of
from walcrash.minimise.job import MinimalCase
from walcrash.scenario.file import load_scenario
from walcrash.values.activity import Activity, Step
from walcrash.values.cause import fate_site
from walcrash.values.fate import Fate, FateKind, RecordFate
from walcrash.values.identity import finding_id
from walcrash.values.log import CutWork, TimeCut
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict

BUNDLE = small_bundle()
SCENARIOS = Path(__file__).parents[2] / "scenarios"


def failing(scenario: Scenario) -> Tally:
    tally = Tally(scenario, "1")
    tally.add(replace(summarise(BUNDLE.evidence.run, BUNDLE.stored), coverage=None))
    assert tally.groups
    return tally


@pytest.mark.parametrize("step", ["minimise_case", "replay_case"])
def test_an_interrupt_leaves_no_finding_in_the_store(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def minimised(*_: object, **__: object) -> MinimalCase:
        return MinimalCase(outcome=None, tries=1, is_finished=True)

    def interrupted(*_: object, **__: object) -> None:
        pool.interrupt()

    monkeypatch.setattr(finding_reports, "minimise_case", minimised)
    monkeypatch.setattr(finding_reports, step, interrupted)

    def one(_: int) -> Executor:
        return ThreadPoolExecutor(1)

    with JobPool(one, 1) as pool:
        reports = FindingReports(pool, Store(tmp_path), None, tries=1)
        tally = failing(load_scenario(SCENARIOS / "quickstart.toml"))
        assert list(reports.lines(tally, TimeBudget.lasting(None))) == []
    assert not (tmp_path / NAME).exists()


def test_whoever_watches_is_told_how_many_groups_are_minimised_while_one_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Activity] = []
    is_told = Event()

    def minimised(*_: object, **__: object) -> MinimalCase:
        assert is_told.wait(60)
        return MinimalCase(outcome=None, tries=1, is_finished=True)

    def watch(activity: Activity) -> None:
        told.append(activity)
        is_told.set()

    monkeypatch.setattr(finding_reports, "minimise_case", minimised)
    monkeypatch.setattr(finding_reports, "replay_case", lambda _: pool.interrupt())
    with JobPool(ThreadPoolExecutor, 1) as pool:
        pool.watch = watch
        reports = FindingReports(pool, Store(tmp_path), None, tries=1)
        tally = failing(load_scenario(SCENARIOS / "quickstart.toml"))
        assert list(reports.lines(tally, TimeBudget.lasting(None))) == []
        assert pool.activity() == Activity(step=Step.REPLAYING, done=0, of=1)
    assert told[0] == Activity(step=Step.MINIMISING, done=0, of=1)


def test_a_finding_without_time_is_reported_as_it_was_found_and_what_was_left_out_is_said(
    tmp_path: Path,
) -> None:
    def no_job(_: int) -> Executor:
        return ThreadPoolExecutor(1)

    tally = failing(load_scenario(SCENARIOS / "quickstart.toml"))
    with JobPool(no_job, 1) as pool:
        reports = FindingReports(pool, Store(tmp_path), None, tries=1)
        ((line, _),) = reports.lines(tally, TimeBudget.lasting(0.0))
    finding = line.finding
    assert (finding.replays, finding.replays_alike, finding.is_minimal) == (0, 0, False)
    assert [each.finding for each in Store(tmp_path).all()] == [finding]
    ended = tally.ended(findings=1, portability=0)
    assert ended.time_cuts == (
        TimeCut(what=CutWork.MINIMISING, done=0, of=1),
        TimeCut(what=CutWork.REPLAYS, done=0, of=5),
    )
    assert "0 of 5 replays were made" in ended.reason


def test_what_was_minimised_and_replayed_before_cases_went_on_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def minimised(*_: object, **__: object) -> MinimalCase:
        done.append("minimised")
        return MinimalCase(outcome=None, tries=1, is_finished=True)

    def replayed(*_: object) -> CaseRun:
        done.append("replayed")
        if len(done) in late:
            raise TimeOver
        return BUNDLE.evidence.run

    late = {4, 5}
    monkeypatch.setattr(finding_reports, "minimise_case", minimised)
    monkeypatch.setattr(finding_reports, "replay_case", replayed)
    tally = failing(load_scenario(SCENARIOS / "quickstart.toml"))
    (group,) = tally.groups.values()
    first = group.best
    with JobPool(ThreadPoolExecutor, 1) as pool:
        reports = FindingReports(pool, Store(tmp_path), None, tries=1)
        assert reports.settle(tally, TimeBudget.lasting(None)) is not None
        assert done == ["minimised", *["replayed"] * 5]
        # A case of the same group that would stand for it comes too late for that, and counts.
        tally.add(replace(first, index=first.index + 1))
        assert reports.settle(tally, TimeBudget.lasting(None)) == 0.0
        ((line, _),) = reports.lines(tally, TimeBudget.lasting(None))
    # Two replays that there had been no time for were made up for.
    assert done == ["minimised", *["replayed"] * 7]
    finding = line.finding
    assert (finding.replays, finding.replays_alike, finding.seen) == (5, 5, 2)
    assert finding.case_index == first.index


def test_a_finding_without_time_is_named_by_what_became_of_its_record(tmp_path: Path) -> None:
    """Its id and its fate are those that it would have with all the time that there is."""
    scenario = load_scenario(SCENARIOS / "quickstart.toml")
    shown = replace(summarise(BUNDLE.evidence.run, BUNDLE.stored), coverage=None)
    fate = Fate(record=RecordFate(record="op-1", is_missing=True, kind=FateKind.NEVER_WRITTEN))
    tally = Tally(scenario, "1")
    tally.add(replace(shown, fate=fate))
    with JobPool(ThreadPoolExecutor, 1) as pool:
        reports = FindingReports(pool, Store(tmp_path), None, tries=1)
        ((late, _),) = reports.lines(tally, TimeBudget.lasting(0.0))
    cause = cause_of(shown.worst.invariant, [], fate=fate_site(fate, shown.worst.invariant))
    assert late.finding.id == finding_id(scenario.name, scenario.subject, cause.facts)
    assert (late.finding.fate, late.finding.is_late) == (fate, True)
    assert late.finding.most_tries == 1


@pytest.mark.parametrize(
    ("what", "verdict"), [(CutWork.PINNED, Verdict.INCONCLUSIVE), (CutWork.KEPT, Verdict.PASS)]
)
def test_a_pinned_case_that_was_not_run_is_a_doubt_and_a_kept_one_is_said(
    what: CutWork, verdict: Verdict
) -> None:
    tally = Tally(load_scenario(SCENARIOS / "quickstart.toml"), "1")
    shown = summarise(BUNDLE.evidence.run, BUNDLE.stored)
    tally.add(replace(shown, coverage=None, verdict=Verdict.PASS, violations=()))
    assert tally.ended(findings=0, portability=0).verdict is Verdict.PASS
    tally.add_cut(what, 1, 3)
    ended = tally.ended(findings=0, portability=0)
    assert ended.verdict is verdict
    assert ended.reason.startswith("the time was not enough: 1 of 3 ")
    assert ended.time_cuts == (TimeCut(what=what, done=1, of=3),)
