"""Follow-ups: what became of findings that were kept before, when a campaign did not see them.

A campaign with another seed may simply have missed them, so their kept cases are run: one that
passes is fixed. That says nothing about the campaign's own verdict, and does not change it: the
event log of a seed is the same whatever was kept before.
"""

from typing import Final

from walcrash.campaign.pool import JobPool
from walcrash.case.job import replay_case
from walcrash.findings.store import KeptFinding, Store
from walcrash.values.errors import WalcrashError
from walcrash.values.finding import FindingChange, FindingState
from walcrash.values.verdict import Verdict

# limits
KEPT_CASES: Final = 20
"""Most kept cases of one scenario that are run after a campaign."""


def follow_up(pool: JobPool, store: Store, scenario: str, seen: set[str]) -> list[FindingChange]:
    """Run the kept cases of a scenario's findings that a campaign did not see.

    Raises:
        UsageError: the store cannot be read or written.
    """
    unseen = [kept for kept in store.all(scenario=scenario) if kept.id not in seen]
    changes = []
    for kept in unseen[:KEPT_CASES]:
        state = _state(pool, kept)
        if state is None:
            continue
        if state is not kept.state:
            store.set_state(kept.id, state)
        if state is not FindingState.FIXED or kept.state is not FindingState.FIXED:
            changes.append(FindingChange(kept.id, scenario, kept.invariant, state, is_seen=False))
    return changes


def _state(pool: JobPool, kept: KeptFinding) -> FindingState | None:
    """Return what a kept case shows now; None if it says nothing."""
    try:
        run = pool.result(pool.submit(replay_case, kept.stored))
    except WalcrashError:
        # Its subject is gone, or cannot be loaded any more.
        return None
    if run is None or run.verdict is Verdict.INCONCLUSIVE:
        return None
    if run.verdict is Verdict.PASS:
        # One that does not fail each time has not been repaired because it passes once.
        return None if kept.evidence else FindingState.FIXED
    return FindingState.BACK if kept.state is FindingState.FIXED else FindingState.AGAIN
