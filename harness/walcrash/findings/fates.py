"""The fate of what a case broke first: its boots as the oracle follows them.

Not here: how a record is followed (`walcrash.oracle.fate`); what is said (`report`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.case.recovery_runs import OPEN
from walcrash.case.replayed import ended_boots
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot, watch_boot
from walcrash.disk import ChangeFate, NotModelled, Pending, change_fates
from walcrash.oracle.boot_trace import BootTrace, Loss
from walcrash.oracle.fate import fate_of, is_behind_new_records
from walcrash.recorder.tree import restore
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import Inconclusive
from walcrash.values.fate import EventRef, Fate, event_ref
from walcrash.values.history import RecoveryName
from walcrash.values.image_choice import ImageChoice
from walcrash.values.recovery import Recovery
from walcrash.values.verdict import Verdict


def case_fate(run: CaseRun, *, recovery: WatchedBoot | None = None) -> Fate | None:
    """Return what a case's events say about what it broke first; None where they decide nothing.

    Args:
        run: the case, as it ran.
        recovery: its first recovery under watch, where there is one.
    """
    if not run.judgement.violations:
        return None
    try:
        boots = list(_traces(run.boots))
    except NotModelled:
        return None
    trace = None if recovery is None else BootTrace(events=recovery.events())
    return fate_of(
        run.history,
        boots,
        run.judgement.worst,
        image=run.image,
        recovery_trace=trace,
        beside=run.judgement.violations[1:],
    )


class WatchedFate(NamedTuple):
    """A case's fate; and whether there was no time to watch the recovery that may show more."""

    fate: Fate | None
    is_late: bool = False


def watched_fate(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> WatchedFate:
    """Return a case's fate, with the first recovery of its image made once more, under watch.

    Args:
        sandbox: where the subject is loaded; its directory is used.
        stored: the case.
        run: what it gave.

    Raises:
        HarnessFault: the harness could not do its work.
    """
    first = run.history.recoveries.first
    if run.image is None or not isinstance(first, Recovery) or not run.judgement.violations:
        return WatchedFate(case_fate(run))
    worst = run.judgement.worst
    if worst.where != RecoveryName.FIRST.value and not is_behind_new_records(run.history, worst):
        return WatchedFate(case_fate(run))
    restore(run.image, sandbox.directory)
    try:
        plan = BootPlan(operations=(OPEN,))
        watched = watch_boot(
            sandbox, stored.subject, stored.limits, plan, number=len(run.boots) + 1
        )
    except (Inconclusive, TimeOver) as end:
        return WatchedFate(case_fate(run), is_late=isinstance(end, TimeOver))
    # What it does now counts if it shows what it had shown.
    is_same = watched.history.recovery == first
    return WatchedFate(case_fate(run, recovery=watched if is_same else None))


def failure_fate(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Fate | None:
    """Return the fate of what a run broke first.

    Args:
        sandbox: as for `watched_fate`.
        stored: the case.
        run: what it gave.

    Returns:
        None where it did not fail, or where its events decide nothing.

    Raises:
        HarnessFault: as `watched_fate`.
    """
    if run.verdict is not Verdict.FAIL:
        return None
    return watched_fate(sandbox, stored, run).fate


def _traces(boots: Sequence[WatchedBoot]) -> Iterator[BootTrace]:
    """Yield the boots as the oracle follows them.

    Raises:
        NotModelled: an event means something that the model has no rule for.
    """
    # For each event that the model counts: what names it.
    origins: list[EventRef] = []
    for ended in ended_boots(boots):
        origins += [event_ref(ended.number, at, event) for at, event in enumerate(ended.events)]
        losses: tuple[Loss, ...] = ()
        if ended.choice is not None:
            losses = tuple(_losses(ended.disk, ended.choice, origins))
            origins = []
        yield BootTrace(events=ended.events, torn=ended.torn, image=ended.image, losses=losses)


def _losses(disk: Pending, choice: ImageChoice, origins: Sequence[EventRef]) -> Iterator[Loss]:
    for fate in change_fates(disk, choice):
        if _is_lost(fate):
            yield Loss(
                ref=origins[fate.event],
                path=fate.path,
                aspect=fate.aspect,
                lost=fate.lost,
                kept=fate.kept,
            )


def _is_lost(fate: ChangeFate) -> bool:
    return fate.is_stale or not fate.is_kept
