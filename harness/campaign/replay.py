"""Replays: a kept finding's case, run again in fresh processes."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from harness.campaign import jobs
from harness.campaign.campaign import REPLAYS
from harness.campaign.case_runner import CaseRun
from harness.campaign.crew import Crew, MakeExecutor
from harness.campaign.store import KeptFinding, Store
from harness.values.contract import PersistenceModel
from harness.values.finding import Finding
from harness.values.history import History
from harness.values.verdict import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """One replay of a finding: whether it broke the same invariant, and all it showed.

    `promised` is the contract's persistence model.
    """

    finding: Finding
    alike: bool
    run: CaseRun
    promised: PersistenceModel

    @property
    def judgement(self) -> Judgement:
        """What the oracle says of this replay."""
        return self.run.judgement

    @property
    def history(self) -> History:
        """What happened in this replay."""
        return self.run.history


def replay_finding(
    reference: str,
    *,
    runs: Path,
    times: int = REPLAYS,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Generator[ReplayResult, None, None]:
    """Run a kept finding's case again, each time in fresh processes.

    Raises:
        UsageError: there is no such finding.
        WalcrashError: as `Campaign.lines`.
    """
    kept = Store(runs).find(reference)
    with Crew(make_executor, 1) as crew:
        for _ in range(times):
            run = crew.result(crew.submit(jobs.replay_case, kept.stored))
            assert run is not None, "nobody interrupts a replay but by an exception"
            found = [violation.invariant for violation in run.judgement.violations]
            yield ReplayResult(
                finding=_replayed(kept, run),
                alike=kept.invariant in found,
                run=run,
                promised=kept.stored.contract.model,
            )


def _replayed(kept: KeptFinding, run: CaseRun) -> Finding:
    return Finding(
        id=kept.id,
        scenario=kept.scenario,
        scenario_path=kept.scenario_path,
        master_seed=kept.master_seed,
        case_index=kept.case_index,
        violations=run.judgement.violations,
        landings=run.landings,
        model=run.model,
        operations=jobs.count_operations(run.case),
        seen=kept.seen,
        cases=kept.cases,
        replays=1,
        replays_alike=1,
    )
