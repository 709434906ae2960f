"""Replays: a kept finding's case, run again in fresh processes."""

from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from harness.campaign import jobs
from harness.campaign.campaign import REPLAYS, MakeExecutor
from harness.campaign.case_runner import CaseRun
from harness.campaign.store import KeptFinding, Store
from harness.values.case import Landing
from harness.values.contract import PersistenceModel
from harness.values.errors import HarnessFault
from harness.values.finding import Finding
from harness.values.history import History
from harness.values.verdict import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """One replay of a finding: whether it broke the same invariant, and all it showed."""

    finding: Finding
    alike: bool
    judgement: Judgement
    history: History
    landings: tuple[Landing, ...]


def replay_finding(
    reference: str,
    *,
    runs: Path,
    times: int = REPLAYS,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Iterator[ReplayResult]:
    """Run a kept finding's case again, each time in fresh processes.

    Raises:
        UsageError: there is no such finding.
        WalcrashError: as `Campaign.lines`.
    """
    kept = Store(runs).find(reference)
    executor = make_executor(1)
    try:
        for _ in range(times):
            run = executor.submit(jobs.replay_case, kept.stored).result()
            found = [violation.invariant for violation in run.judgement.violations]
            yield ReplayResult(
                finding=_replayed(kept, run),
                alike=kept.invariant in found,
                judgement=run.judgement,
                history=run.history,
                landings=run.landings,
            )
    except BrokenProcessPool as problem:
        raise HarnessFault(f"a job process died: {problem}", hint="walcrash doctor") from None
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _replayed(kept: KeptFinding, run: CaseRun) -> Finding:
    return Finding(
        id=kept.id,
        scenario=kept.scenario,
        scenario_path=kept.scenario_path,
        master_seed=kept.master_seed,
        case_index=kept.case_index,
        violations=run.judgement.violations,
        landings=run.landings,
        model=PersistenceModel.KILL,
        operations=jobs.count_operations(run.case),
        seen=kept.seen,
        cases=kept.cases,
        replays=1,
        replays_alike=1,
    )
