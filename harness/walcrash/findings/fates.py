"""The fate of what a case broke first: its boots as the oracle follows them.

Not here: how a record is followed (`walcrash.oracle.fate`); what is said (`report`).
"""

from collections.abc import Iterator
from dataclasses import replace

from walcrash.case.recovery_runs import OPEN
from walcrash.case.runner import CaseRun
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot, watch_boot
from walcrash.disk import ChangeFate, ImageBuilder, NotModelled, Pending, change_fates
from walcrash.oracle.fate import fate_of
from walcrash.oracle.ledger import BootTrace, Loss
from walcrash.recorder.tree import restore
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import Inconclusive
from walcrash.values.event import Event, EventKind
from walcrash.values.fate import EventRef, Fate, event_ref
from walcrash.values.faults import PowerLoss
from walcrash.values.history import RecoveryName
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import Placement
from walcrash.values.recovery import Recovery


def case_fate(run: CaseRun, *, recovery: WatchedBoot | None = None) -> Fate | None:
    """Return what a case's events say about what it broke first; None where they decide nothing.

    Args:
        run: the case, as it ran.
        recovery: its first recovery under watch, where there is one.
    """
    if not run.judgement.violations:
        return None
    try:
        boots = list(_Traces().of(run.boots))
    except NotModelled:
        return None
    trace = None if recovery is None else BootTrace(events=recovery.events())
    return fate_of(run.history, boots, run.judgement.worst, image=run.image, recovery_trace=trace)


def watched_fate(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Fate | None:
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
        return case_fate(run)
    if run.judgement.worst.where != RecoveryName.FIRST.value:
        return case_fate(run)
    restore(run.image, sandbox.directory)
    try:
        plan = BootPlan(operations=(OPEN,))
        watched = watch_boot(
            sandbox, stored.subject, stored.limits, plan, number=len(run.boots) + 1
        )
    except Inconclusive:
        return case_fate(run)
    # What it does now counts if it shows what it had shown.
    is_same = watched.history.recovery == first
    return case_fate(run, recovery=watched if is_same else None)


class _Traces:
    """Replays boots on the pending model, which knows what a power loss took."""

    def __init__(self) -> None:
        self._disk = Pending(Image({}))
        # For each event that the model counts: what names it.
        self._origins: list[EventRef] = []

    def of(self, boots: tuple[WatchedBoot, ...]) -> Iterator[BootTrace]:
        """Yield each boot as it was until it ended.

        Raises:
            NotModelled: an event means something that the model has no rule for.
        """
        for number, boot in enumerate(boots, start=1):
            plan = boot.plan.crash
            choice = plan.choice if isinstance(plan, PowerLoss) else None
            if choice is None:
                yield self._kept(number, boot)
            else:
                yield self._without_power(number, boot, choice)

    def _kept(self, number: int, boot: WatchedBoot) -> BootTrace:
        """Return a boot that ended with the power on."""
        events = boot.events()
        self._disk.apply_boot(events)
        self._origins += [event_ref(number, at, event) for at, event in enumerate(events)]
        landing = boot.landing
        is_torn = landing is not None and landing.placement is Placement.WITHIN
        return BootTrace(events=events, torn=len(events) - 1 if is_torn else None)

    def _without_power(self, number: int, boot: WatchedBoot, choice: ImageChoice) -> BootTrace:
        events = boot.events()
        position = choice.position
        happened = events[: max(0, position.whole_events - len(self._origins))]
        for event in happened:
            self._disk.apply(event)
        self._origins += [event_ref(number, at, event) for at, event in enumerate(happened)]
        torn: Event | None = None
        if position.placement is Placement.WITHIN:
            torn = events[len(happened)]
            self._origins.append(event_ref(number, len(happened), torn))
            with self._disk.torn(torn, position.kept_bytes):
                losses, image = self._lost(choice)
            happened = (*happened, _cut(torn, position.kept_bytes))
        else:
            losses, image = self._lost(choice)
        self._disk, self._origins = Pending(image), []
        return BootTrace(
            events=happened,
            torn=None if torn is None else len(happened) - 1,
            image=image,
            losses=losses,
        )

    def _lost(self, choice: ImageChoice) -> tuple[tuple[Loss, ...], Image]:
        losses = [
            Loss(
                ref=self._origins[fate.event],
                path=fate.path,
                aspect=fate.aspect,
                lost=fate.lost,
                kept=fate.kept,
            )
            for fate in change_fates(self._disk, choice)
            if _is_lost(fate)
        ]
        return tuple(losses), ImageBuilder(self._disk).build(choice)


def _is_lost(fate: ChangeFate) -> bool:
    return fate.is_stale or not fate.is_kept


def _cut(event: Event, kept_bytes: int) -> Event:
    """Return a write of which a part happened."""
    assert event.kind is EventKind.WRITE, "only a write is cut"
    return replace(event, result=kept_bytes)
