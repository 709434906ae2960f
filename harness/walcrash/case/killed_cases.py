"""Killed cases: a case that ended with a kill and passed is searched for kills that do not.

Not here: what other kills would have left (`kill_search`), the boot that is run again (`branches`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from walcrash.case.boots import CaseBoots
from walcrash.case.branches import branch_after_kill
from walcrash.case.case_run import CaseRun
from walcrash.case.kill_search import KilledState, KillSearch, as_killed
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.search_plan import BRANCH_SHARE, SearchPlan
from walcrash.disk import NotModelled
from walcrash.values.case_file import StoredCase
from walcrash.values.faults import CrashPoint
from walcrash.values.history import History
from walcrash.values.image import Image
from walcrash.values.image_choice import Policy
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.verdict import Judgement


def search_kills(
    run: CaseRun,
    boots: CaseBoots,
    recorded: Sequence[RecordedBoot],
    plan: SearchPlan,
    *,
    stored: StoredCase,
    left: Image | None,
    runs: RecoveryRuns,
    judge: Callable[[History], Judgement],
    directory: str,
) -> CaseRun:
    """Judge what kills elsewhere in the traces of a case would have left.

    Args:
        run: of the case, which passed; nothing is searched where it did not end with an exact kill.
        boots: its boots.
        recorded: the same, as crashes find them.
        plan: where kills may fall.
        stored: the case.
        left: what its own kill left; None where that was not looked at.
        runs: recovers images.
        judge: the oracle.
        directory: where the boots ran.

    Returns:
        The run with what was judged; as that of a shorter case where a state failed.

    Raises:
        NotAsRecorded: the case's own kill left something else than its trace says.
        TimeOver: there is no time left.
        WalcrashError: as `CaseBoots.run`.
    """
    if not isinstance(stored.case.boots[-1].crash, CrashPoint):
        return run

    def search_of(boots: CaseBoots, recorded: Sequence[RecordedBoot], first: int) -> KillSearch:
        return KillSearch(
            boots,
            recorded,
            plan,
            recover=runs.restored,
            judge=judge,
            directory=directory,
            first=first,
        )

    prng = Prng(derive_seed(stored.case.seed, "kills"))
    is_whole = len(recorded) == len(stored.case.boots)
    is_branched = is_whole and len(recorded) > 1
    behind = plan.kill_states // BRANCH_SHARE if is_branched else 0
    search = search_of(boots, recorded, 0)
    try:
        if is_whole and left is not None:
            search.check_real(left)
            _add_own(search, recorded[-1], run)
        found = search.explore(prng, plan.kill_states - behind)
        run = _with_searched(run, runs, search, found)
        if found is not None or not behind:
            return run
        branch = branch_after_kill(boots, recorded, stored.case.boots, search, prng)
        if branch is None:
            return run
        further = search_of(*branch, len(branch[1]) - 1)
        further.searched = search.searched
        return _with_searched(run, runs, further, further.explore(prng, behind))
    except NotModelled:
        # The real kill was judged, and what others leave is not known.
        return run


def _add_own(search: KillSearch, boot: RecordedBoot, run: CaseRun) -> None:
    """Count what the case's own kill left, which was judged as well."""
    cell = boot.cell(boot.positions()[-1], is_power_loss=False)
    history = run.history
    search.searched.add(cell, Policy.ALL, history.boots[-1], history.recoveries.first)


def _with_searched(
    run: CaseRun, runs: RecoveryRuns, search: KillSearch, found: KilledState | None
) -> CaseRun:
    """Return a run with what a search judged, and with the state that failed."""
    run = replace(
        run,
        recoveries=runs.recoveries + len(run.boots) - 1,
        further=runs.further,
        search=search.searched.totals(),
        judgement=replace(run.judgement, judged=run.judgement.judged | search.judged),
    )
    return run if found is None else as_killed(run, found)
