"""Follow-ups: what became of findings that were kept before, when a campaign did not see them.

A campaign with another seed may simply have missed them, so their kept cases are run, before its
own: one that fails again is a finding of this campaign, too, and one that passes is fixed. They
run on the subject, its options and the contract that the scenario names now, as pinned cases do:
a repair may be another option, or a promise that is no longer made.

Not here: a kept case as it was (`walcrash.tools.replay`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from walcrash.campaign.pinned import run_kept
from walcrash.campaign.pool import JobPool
from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.findings.fates import case_fate
from walcrash.findings.store import KeptFinding, Store
from walcrash.findings.story import build_story
from walcrash.subjects.messages import Description
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import HarnessFault, WalcrashError
from walcrash.values.finding import FindingChange, FindingState
from walcrash.values.limits import KEPT_CASES
from walcrash.values.log import FindingReported
from walcrash.values.persistence import is_portability as is_beyond
from walcrash.values.scenario import PinnedCase, Scenario
from walcrash.values.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """A kept finding, and what its case shows now."""

    kept: KeptFinding
    run: CaseRun


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRuns:
    """What the kept cases of a scenario show now.

    Attributes:
        shown: by the finding's id, those that say something.
        left_out: findings whose cases were not run, since there are more than `KEPT_CASES`.
        silent: findings whose cases say nothing any more: inconclusive, or not to be run.
        late: findings whose cases were not run, since the time was over.
        of: how many cases were to be run.
    """

    shown: Mapping[str, KeptRun] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    of: int = 0


def run_kept_cases(
    pool: JobPool, store: Store, scenario: Scenario, description: Description
) -> KeptRuns:
    """Run the kept cases of a scenario's findings.

    Raises:
        UsageError: the store cannot be read.
        HarnessFault: the harness could not do its work.
    """
    every = store.all(scenario=scenario.name)
    every.sort(key=lambda kept: (kept.state is FindingState.FIXED, kept.id))
    # At once, so that all jobs have work.
    futures = [
        (kept, pool.submit(run_kept, scenario, description, _pin(kept)))
        for kept in every[:KEPT_CASES]
    ]
    shown: dict[str, KeptRun] = {}
    silent: list[str] = []
    late: list[str] = []
    for kept, future in futures:
        try:
            run = pool.result(future)
        except TimeOver:
            late.append(kept.id)
            continue
        except HarnessFault:
            raise
        except WalcrashError:
            # Its case needs what the subject does not have any more.
            silent.append(kept.id)
            continue
        if run is None:
            continue
        if run.verdict is Verdict.INCONCLUSIVE:
            silent.append(kept.id)
        else:
            shown[kept.id] = KeptRun(kept=kept, run=run)
    return KeptRuns(
        shown=shown,
        left_out=tuple(kept.id for kept in every[KEPT_CASES:]),
        silent=tuple(silent),
        late=tuple(late),
        of=len(futures),
    )


def follow_up(
    store: Store, scenario: Scenario, unseen: Mapping[str, KeptRun], promised: PersistenceModel
) -> Iterator[tuple[FindingChange, FindingReported | None]]:
    """Yield what became of the kept findings that no case of a campaign showed.

    Args:
        store: where it is noted.
        scenario: theirs.
        unseen: these findings, by id.
        promised: the contract's persistence model now.

    Yields:
        The change, and the finding where it fails again.

    Raises:
        UsageError: the store cannot be written.
    """
    there = {kept.id for kept in store.all(scenario=scenario.name)} if unseen else set()
    for id_, shown in sorted(unseen.items()):
        if id_ not in there:
            continue  # it was kept under a former id, and is one of those that were found
        kept = shown.kept
        state = _state(kept, shown.run)
        if state is None or kept.state is state is FindingState.FIXED:
            continue
        if state is not kept.state:
            store.set_state(id_, state)
        is_fixed = state is FindingState.FIXED
        line = None if is_fixed else _reported(shown, scenario, state, promised)
        told = kept.finding if line is None else line.finding
        change = FindingChange(
            id_,
            scenario.name,
            kept.invariant,
            state,
            is_seen=False,
            is_portability=told.is_portability,
        )
        yield change, line


def _pin(kept: KeptFinding) -> PinnedCase:
    reaches = tuple(str(landing.place) for landing in kept.finding.landings)
    return PinnedCase(
        finding=kept.id, invariant=kept.invariant, reaches=reaches, case=kept.stored.case
    )


def _state(kept: KeptFinding, run: CaseRun) -> FindingState | None:
    """Return what a kept case shows now; None if it says nothing."""
    if run.verdict is Verdict.PASS:
        # One that does not fail each time has not been repaired because it passes once.
        return None if kept.evidence else FindingState.FIXED
    return FindingState.BACK if kept.state is FindingState.FIXED else FindingState.AGAIN


def _reported(
    shown: KeptRun, scenario: Scenario, state: FindingState, promised: PersistenceModel
) -> FindingReported:
    kept, run = shown.kept.finding, shown.run
    finding = replace(
        kept,
        scenario_path=scenario.path,
        violations=run.judgement.violations,
        landings=run.landings,
        model=run.model,
        fate=case_fate(run),
        is_portability=kept.is_portability or is_beyond(run.model, promised=promised),
        # The groups are those of cases that this campaign does not have.
        groups=(),
        kept=state,
    )
    return FindingReported(finding=finding, story=build_story(run, promised=promised))
