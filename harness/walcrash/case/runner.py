"""Running a case: once, and where it fails again with every recovery in a process of its own.

Only what shows there counts, since a process that opened other images before may carry something
over.

Not here: one run (`one_run`), how an image is recovered (`recovery_runs`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from walcrash.case.alignment import missed_bytes
from walcrash.case.case_run import CaseRun, SearchTargets, torn_as
from walcrash.case.damaged_run import kind_of_run
from walcrash.case.deadline import TimeOver
from walcrash.case.drawn import Drawn
from walcrash.case.full_directory import HINT
from walcrash.case.judging import CaseJudge
from walcrash.case.kill_search import NotAsRecorded, check_derived, is_derived
from walcrash.case.later_boots import is_reproducible, run_later_boots
from walcrash.case.one_run import OneRun
from walcrash.case.plane import Plane
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.oracle import with_refusals
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import HarnessFault
from walcrash.values.faults import PowerLoss, Rot
from walcrash.values.history import History, Recoveries
from walcrash.values.image import Image
from walcrash.values.recovery import RecoveryFailure
from walcrash.values.tears import ANY_BYTE
from walcrash.values.verdict import Judgement, Verdict

# limits
UNSEEN_CHANGES: Final = 3
"""How often a case is run whose kill left something else than its trace says."""


def run_case(
    sandbox: Sandbox,
    stored: StoredCase,
    *,
    targets: SearchTargets | None = None,
    drawn: Drawn | None = None,
    plane: Plane | None = None,
) -> CaseRun:
    """Run and judge a case; confirm a failure in fresh processes.

    Args:
        sandbox: where it runs.
        stored: the case.
        targets: what is sought where the case does not name its images; the run's own case
            names what was found.
        drawn: what a case has that was drawn, beside what is stored of it.
        plane: the real file system whose power is lost, in place of a model's images.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    try:
        one = partial(
            kind_of_run(stored.case),
            sandbox,
            stored,
            is_fresh=False,
            targets=targets,
            drawn=drawn,
            plane=plane,
        )
        run, left = _ran(sandbox, one)
        if drawn is not None and run.verdict is Verdict.PASS:
            run = _with_more(sandbox, stored, run, left, drawn)
    except OSError:
        # What a subject left running in a shared process has touched the directory.
        return run_case_fresh(sandbox, stored, targets=targets, plane=plane)
    if run.judgement.verdict is not Verdict.FAIL:
        try:
            return _with_portability_confirmed(sandbox, stored, run)
        except TimeOver:
            if drawn is None:
                raise
            return replace(run, portability_failure=None)
    confirmed = _confirmed(sandbox, stored, run)
    if _gives_up_copies(sandbox, stored, confirmed):
        return run_case(sandbox, stored, targets=targets, drawn=drawn, plane=plane)
    # The confirmation judges one image; those that were judged before it count as well.
    coverage = run.coverage or confirmed.coverage
    return replace(
        confirmed,
        coverage=coverage,
        recoveries=run.recoveries + confirmed.recoveries,
        search=run.search,
        further=run.further,
        damaged=run.damaged,
    )


def _gives_up_copies(sandbox: Sandbox, stored: StoredCase, confirmed: CaseRun) -> bool:
    """Make no more copies of a driver where these alone may have failed; return whether so."""
    is_shown = confirmed.judgement.verdict is Verdict.FAIL
    if is_shown or "reopen" in stored.supports or not sandbox.copies(stored.subject):
        return False
    # A copy of a driver is not what it believes to be: it knows of an earlier directory.
    sandbox.start_each(stored.subject)
    return True


def _ran(sandbox: Sandbox, make: Callable[[], OneRun]) -> tuple[CaseRun, Image | None]:
    """Run a case; return also what its last boot left.

    A thread that a recovery of an earlier case left running may change files that the trace knows
    nothing of: then the case is run again, when that is gone.

    Raises:
        HarnessFault: what its kill left is never what its trace says.
    """
    for attempt in range(UNSEEN_CHANGES):
        one = make()
        try:
            return replace(one.run(), further=one.further), one.left
        except NotAsRecorded:
            if attempt == UNSEEN_CHANGES - 1:
                raise
            sandbox.end_recoverers()
    raise AssertionError("the last attempt returns or raises")


def _with_more(
    sandbox: Sandbox, stored: StoredCase, run: CaseRun, left: Image | None, drawn: Drawn
) -> CaseRun:
    """Go on with a case that passed, and tear its writes elsewhere, as far as there is time."""
    try:
        run = _gone_on(sandbox, stored, run, left, drawn.later(run.case))
        if run.verdict is Verdict.PASS:
            run = _with_byte_tears(sandbox, stored, run)
    except TimeOver:
        # What was judged up to here counts.
        return run
    return run


def _gone_on(
    sandbox: Sandbox,
    stored: StoredCase,
    run: CaseRun,
    left: Image | None,
    plans: tuple[BootPlan, ...],
) -> CaseRun:
    """Go on with a case that passed; return its run, or that of the longer case where that fails.

    What was run without a recorder is run again under watch, in fresh processes.
    """
    if not plans or left is None or not all(is_reproducible(each.plan) for each in run.boots):
        return run
    found = run_later_boots(sandbox, stored, run.history.boots, left, plans)
    further = replace(run.further, later_boots=run.further.later_boots + found.starts)
    run = replace(run, recoveries=run.recoveries + found.starts, further=further)
    if found.judgement is None:
        return run
    case = replace(run.case, boots=(*run.case.boots, *found.plans))
    longer = run_case_fresh(sandbox, replace(stored, case=case), shown=found.judgement)
    if _gives_up_copies(sandbox, stored, longer):
        return _gone_on(sandbox, stored, run, left, plans)
    return replace(
        longer,
        coverage=run.coverage,
        recoveries=run.recoveries + longer.recoveries,
        search=run.search,
        further=further,
    )


def _confirmed(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> CaseRun:
    """Return a failing run as fresh processes show it, or the doubt that is left.

    The case is run again. A subject with threads may make other calls then, and have no such
    crash: so what the crash left of the first run is recovered once more as well.
    """
    again = run_case_fresh(sandbox, replace(stored, case=run.case), shown=run.judgement)
    if is_derived(run):
        check_derived(run, again)
    if again.judgement.verdict is Verdict.FAIL or run.image is None:
        return again
    rechecked = recheck(sandbox, stored, run)
    return rechecked if rechecked.judgement.verdict is Verdict.FAIL else again


def _with_portability_confirmed(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> CaseRun:
    if run.portability_failure is None:
        return run
    again = _confirmed(sandbox, torn_as(stored, run.portability_failure), run.portability_failure)
    is_confirmed = again.judgement.verdict is Verdict.FAIL
    return replace(run, portability_failure=again if is_confirmed else None)


def _with_byte_tears(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> CaseRun:
    """Let kills fall at the very byte that was drawn, where they could not be moved there.

    Where files are damaged as well, a tear that no system here makes would be told as damage.
    """
    is_torn = stored.contract.atomic_bytes == ANY_BYTE or run.portability_failure is not None
    has_power = any(isinstance(boot.plan.crash, PowerLoss) for boot in run.boots)
    is_damaged = any(isinstance(fault, Rot) for fault in run.case.faults)
    if is_torn or has_power or is_damaged or not any(missed_bytes(boot) for boot in run.boots):
        return run
    contract = replace(stored.contract, atomic_bytes=ANY_BYTE)
    torn = replace(stored, case=run.case, contract=contract)
    other = kind_of_run(torn.case)(sandbox, torn, is_fresh=False).run()
    return run if other.verdict is not Verdict.FAIL else replace(run, portability_failure=other)


def recheck(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> CaseRun:
    """Recover what a run's last crash left once more, in fresh processes, and judge that.

    Args:
        sandbox: where the subject is loaded; its directory is used.
        stored: the run's case.
        run: one with an image.

    Raises:
        HarnessFault: the harness could not do its work.
    """
    assert run.image is not None, "there is an image to judge"
    sandbox.end_shared_recoverers()
    boots = run.history.boots
    runs = RecoveryRuns(sandbox, stored, is_fresh=True)
    last = boots[-1].recovery
    if isinstance(last, RecoveryFailure) and not boots[-1].gave_up:
        recoveries = Recoveries(first=last)
    else:
        try:
            rotted = run.history.recoveries.rotted
            recoveries = (
                runs.restored(run.image) if rotted is None else runs.damaged(run.image, rotted)
            )
        except OSError as problem:
            raise _unusable(sandbox, problem) from None
    history = History(boots, recoveries)
    judgement = CaseJudge(sandbox, stored).judge(history)
    if stored.case.is_control:
        judgement = with_refusals(stored.terms, judgement, history)
    return replace(run, history=history, judgement=judgement, recoveries=runs.recoveries)


def run_case_fresh(
    sandbox: Sandbox,
    stored: StoredCase,
    *,
    shown: Judgement | None = None,
    targets: SearchTargets | None = None,
    plane: Plane | None = None,
) -> CaseRun:
    """Run and judge a case with every recovery in a process of its own.

    Args:
        sandbox: where it runs.
        stored: the case.
        shown: what a run with shared processes showed; if this run does not show it, the case
            is in doubt.
        targets: as for `run_case`.
        plane: as for `run_case`.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    sandbox.end_shared_recoverers()
    try:
        return kind_of_run(stored.case)(
            sandbox, stored, is_fresh=True, shown=shown, targets=targets, plane=plane
        ).run()
    except OSError as problem:
        raise _unusable(sandbox, problem) from None


def _unusable(sandbox: Sandbox, problem: OSError) -> HarnessFault:
    return HarnessFault(
        f"the working directory {sandbox.directory} cannot be used: {problem}", hint=HINT
    )
