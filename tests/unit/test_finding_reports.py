"""Findings of a scenario while somebody stops the run: none is kept under a name of its own."""

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import small_bundle

from walcrash.campaign import finding_reports
from walcrash.campaign.finding_reports import FindingReports
from walcrash.campaign.pool import JobPool
from walcrash.campaign.tally import Tally
from walcrash.case.outcome import summarise
from walcrash.findings.store import NAME, Store
from walcrash.minimise.job import MinimalCase
from walcrash.scenario.file import load_scenario
from walcrash.values.scenario import Scenario

BUNDLE = small_bundle()


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

    root = Path(__file__).parents[2] / "scenarios"
    with JobPool(one, 1) as pool:
        reports = FindingReports(pool, Store(tmp_path), None, job_count=1, seconds=1.0)
        assert list(reports.lines(failing(load_scenario(root / "quickstart.toml")), None)) == []
    assert not (tmp_path / NAME).exists()
