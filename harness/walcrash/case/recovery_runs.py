"""Recovery runs: one image recovered in several ways, as the oracle needs it.

The first recovery opens the image in a process that ends without `close`, as a kill right after the
recovery would end it. The second one opens what the first one left, works on and closes. The third
one opens what that work left. The last one opens the image again in the perturbed environment. A
recovery that no invariant of the case needs is left out. In some cases the wall clock has gone back
when the second one works, as after a correction of the time between two boots.

Where a case has many images, those with nothing new have the first recovery only (`novelty`).

In a control every recovery closes: a process that ends without `close` is a crash, and what
shows only after one is no bug of a subject that nothing is done to.

Not here: what is right (`walcrash.oracle`), where processes come from (`sandbox`).
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Final

from walcrash.case.case_run import SearchTargets
from walcrash.case.novelty import Novelty
from walcrash.case.sandbox import Sandbox
from walcrash.recorder.tree import capture, restore
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.damage import Rotted
from walcrash.values.faults import CrashPoint
from walcrash.values.further_recoveries import FurtherRecoveries
from walcrash.values.history import BootEnd, BootHistory, Call, Recoveries, RecoveryName
from walcrash.values.image import Image
from walcrash.values.limits import TICKS_AFTER_RECOVERY
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.rule import Occasion
from walcrash.values.rules import RULES
from walcrash.values.seed import Prng, derive_seed

OPEN: Final = Operation(OperationKind.OPEN)
CLOSE: Final = Operation(OperationKind.CLOSE)

JUST_KILLED: Final = BootPlan((OPEN,), CrashPoint.after_call(0))
"""A boot that is killed as soon as it has recovered."""

WORK_ID: Final = "after-recovery-"
"""How the ids of what is appended after a recovery begin."""

_WORK: Final = (Occasion.WORK, Occasion.TICK)
"""What the work after a recovery is made for."""

# limits
LARGE_WORK_ONE_IN: Final = 4
"""In so many cases one appends a payload as large as its largest, after a recovery."""

LIKE_THE_LOST_ONE_IN: Final = 2
"""In so many cases the first put after a recovery is as long as the one that follows what is shown:
what lies behind that one in a file lies right behind the new one then."""

_SMALL_BYTES: Final = 2

_LATER_MS: Final = 10_000_000_000
"""How far in the future the ticks after a recovery are: over a hundred days, milliseconds."""


class RecoveryRuns:
    """Recovers images of one case's subject.

    Attributes:
        recoveries: how many recoveries there have been.
    """

    def __init__(self, sandbox: Sandbox, stored: StoredCase, *, is_fresh: bool) -> None:
        """Prepare; `is_fresh` gives each recovery a process of its own."""
        self.recoveries = 0
        self._made: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._novelty = Novelty(derive_seed(stored.case.seed, "further recoveries"))
        self._sandbox = sandbox
        self._stored = stored
        self._is_forked = is_fresh or "reopen" not in stored.supports
        self._is_copied = not is_fresh
        self._is_control = stored.case.is_control
        self._is_worked_on = self._needs(*_WORK)
        self._is_built_on = self._needs(*_WORK, Occasion.AGAIN)
        self._is_perturbed = self._needs(Occasion.PERTURBED)

    @property
    def further(self) -> FurtherRecoveries:
        """What there has been of further recoveries of images, and what was left out."""
        return FurtherRecoveries(
            made=dict(sorted(self._made.items())), left_out=dict(sorted(self._left_out.items()))
        )

    def restored(
        self, image: Image, before: Image | None = None, place: Hashable = None
    ) -> Recoveries:
        """Put an image into the directory and recover it in several ways.

        Args:
            image: what a crash left.
            before: as for `here`.
            place: the kind of place that the crash fell on, in a search of many images: one with
                nothing new is recovered once. None recovers it in all ways.

        Raises:
            OSError: the directory cannot be used.
        """
        restore(image, self._sandbox.directory)
        return self._at(image, before, place)

    def recoverer(self, targets: SearchTargets | None) -> Callable[[Image, Hashable], Recoveries]:
        """Return what recovers the images of a search, each behind a kind of place.

        Without targets an image is recovered in all ways where it is new; with them once where that
        shows what is sought, and else in all ways.
        """
        if targets is None:
            return lambda image, place: self.restored(image, place=place)
        is_once = targets.is_shown_first
        return lambda image, _: self.restored_once(image) if is_once else self.restored(image)

    def restored_once(self, image: Image) -> Recoveries:
        """Put an image into the directory and recover it once.

        Raises:
            OSError: the directory cannot be used.
        """
        restore(image, self._sandbox.directory)
        first, _ = self._recover_first(image)
        return Recoveries(first=first, is_partial=not isinstance(first, RecoveryFailure))

    def here(self, image: Image, *, before: Image | None = None) -> Recoveries:
        """Recover what is in the directory.

        Args:
            image: the same.
            before: what a boot that was killed inside its recovery had found.

        Raises:
            OSError: the directory cannot be used.
        """
        return self._at(image, before, None)

    def damaged(
        self,
        image: Image,
        rotted: Rotted | None,
        is_worked_on: Callable[[Recovery], bool] = lambda _: True,
    ) -> Recoveries:
        """Put an image that was damaged at rest, or was not, into the directory and recover it.

        Args:
            image: what is there.
            rotted: what of it was damaged; None if nothing was.
            is_worked_on: whether, after a recovery that shows this, a boot with new records
                follows, and the recovery of what that leaves.

        Raises:
            OSError: the directory cannot be used.
        """
        restore(image, self._sandbox.directory)
        first = self._recover(is_killed=True)
        if rotted is None or isinstance(first, RecoveryFailure) or not is_worked_on(first):
            return Recoveries(first=first, rotted=rotted)
        again, continued = self._continue(first)
        after = None if isinstance(again, RecoveryFailure) else self._recover()
        return Recoveries(first=first, again=again, continued=continued, after=after, rotted=rotted)

    def boot(self, plan: BootPlan) -> BootHistory:
        """Run one boot on what is in the directory; a crash is a kill behind its last call.

        Raises:
            OSError: the directory cannot be used.
        """
        is_killed = plan.crash is not None
        boot = self._run(plan.operations, is_killed=is_killed)
        is_gone = boot.end is BootEnd.DIED
        return replace(boot, end=BootEnd.KILLED) if is_killed and not is_gone else boot

    def _at(self, image: Image, before: Image | None, place: Hashable | None) -> Recoveries:
        """Recover what is in the directory, which is `image`."""
        first, left = self._recover_first(image)
        if isinstance(first, RecoveryFailure):
            return Recoveries(first=first)
        if place is not None:
            seen = capture(self._sandbox.directory, like=image) if left is None else left
            if not self._novelty.is_worth_more(place, image, first, seen):
                self._left_out.update(self._further())
                return Recoveries(first=first, is_partial=True)
        if left is not None:
            restore(left, self._sandbox.directory)
        again: Recovery | RecoveryFailure | None = None
        after = perturbed = uninterrupted = again
        continued: tuple[Call, ...] = ()
        if self._is_worked_on:
            again, continued = self._continue(first)
            after = None if isinstance(again, RecoveryFailure) else self._recover()
        elif self._is_built_on:
            again = self._recover()
        if self._is_perturbed:
            restore(image, self._sandbox.directory)
            perturbed = self._recover(is_perturbed=True)
        if before is not None and self._needs(Occasion.AGAIN):
            restore(before, self._sandbox.directory)
            uninterrupted = self._recover()
        found = {
            RecoveryName.AGAIN: again,
            RecoveryName.AFTER: after,
            RecoveryName.PERTURBED: perturbed,
            RecoveryName.UNINTERRUPTED: uninterrupted,
        }
        self._made.update(name.value for name, each in found.items() if each is not None)
        return Recoveries(
            first=first,
            perturbed=perturbed,
            again=again,
            continued=continued,
            after=after,
            uninterrupted=uninterrupted,
        )

    def _recover_first(self, image: Image) -> tuple[Recovery | RecoveryFailure, Image | None]:
        """Recover what is in the directory, which is `image`, for the first time.

        Where others build on it, it ends without `close`, as a kill right after it would.

        Returns:
            The recovery, and what it left where the directory holds something else.
        """
        if self._is_control or not self._is_built_on:
            return self._recover(), None
        self.recoveries += 1
        boot, left = self._sandbox.recover_killed(
            self._stored.subject,
            (OPEN,),
            self._stored.limits,
            is_forked=self._is_forked,
            is_copied=self._is_copied,
            like=image,
        )
        return recovery_of(boot), left

    def _further(self) -> list[str]:
        """Return the names of the further recoveries that the case's rules need of an image."""
        needed = {
            RecoveryName.AGAIN: self._is_built_on,
            RecoveryName.AFTER: self._is_worked_on,
            RecoveryName.PERTURBED: self._is_perturbed,
        }
        return [name.value for name, is_needed in needed.items() if is_needed]

    def _needs(self, *occasions: Occasion) -> bool:
        """Return whether an invariant of the case is judged on any of these occasions."""
        return any(RULES[item].is_shown_by(*occasions) for item in self._stored.invariants)

    def _recover(
        self, *, is_killed: bool = False, is_perturbed: bool = False
    ) -> Recovery | RecoveryFailure:
        if self._is_control:
            return recovery_of(self._run((OPEN, CLOSE), is_perturbed=is_perturbed))
        boot = self._run((OPEN,), is_killed=is_killed, is_perturbed=is_perturbed)
        return recovery_of(boot)

    def _continue(self, first: Recovery) -> tuple[Recovery | RecoveryFailure, tuple[Call, ...]]:
        operations = _work_after_recovery(first, self._stored)
        boot = self._run(operations, is_clock_back=self._stored.case.is_clock_back)
        return recovery_of(boot), boot.calls[1:]

    def _run(
        self,
        operations: tuple[Operation, ...],
        *,
        is_killed: bool = False,
        is_perturbed: bool = False,
        is_clock_back: bool = False,
    ) -> BootHistory:
        self.recoveries += 1
        return self._sandbox.recover(
            self._stored.subject,
            operations,
            self._stored.limits,
            is_perturbed=is_perturbed,
            is_clock_back=is_clock_back,
            is_killed=is_killed,
            is_forked=self._is_forked,
            is_copied=self._is_copied,
        )


def recovery_of(boot: BootHistory) -> Recovery | RecoveryFailure:
    """Return what a boot's `open` showed, or how it failed."""
    if boot.recovery is None:
        return RecoveryFailure(FailureKind.DIED, "the process ended while it recovered")
    return boot.recovery


def _work_after_recovery(first: Recovery, stored: StoredCase) -> tuple[Operation, ...]:
    """Return what every recovered subject must be able to do: append, mark, send what is due."""
    supports = stored.supports
    times = [entry.record.ts_ms for entry in first.records]
    times += [o.record.ts_ms for b in stored.case.boots for o in b.operations if o.record]
    retries = [entry.record.next_retry_at_ms for entry in first.records]
    now_ms = max(times, default=0) + 1
    later_ms = max([now_ms, *retries]) + _LATER_MS
    most_bytes = max([_SMALL_BYTES, *(len(entry.record.payload) for entry in first.records)])
    id_, size = _first_put_of_work(first, stored.case, most_bytes)
    payloads = (_filler(size), _filler(_work_payload_bytes(stored.case, most_bytes)))
    puts = [
        Record(RecordType.PUT, name, now_ms + n, payload)
        for n, (name, payload) in enumerate(zip((id_, f"{WORK_ID}1"), payloads, strict=True))
    ]
    mark = Record(RecordType.DONE, puts[0].id, now_ms + 2)
    work = [_append(record) for record in puts]
    if "effects" in supports:
        ticks = range(1, TICKS_AFTER_RECOVERY + 1)
        work += [Operation(OperationKind.TICK, now_ms=later_ms * n) for n in ticks]
    work.append(_append(mark))
    if "sync" in supports:
        work.append(Operation(OperationKind.SYNC))
    return (OPEN, *work, CLOSE)


def _work_payload_bytes(case: Case, most_bytes: int) -> int:
    """Return how long the second put is: two bytes, in some cases as the largest that it has taken.

    That is the largest that the recovery shows: a log may refuse what is longer.
    """
    is_small = Prng(derive_seed(case.seed, "work")).below(LARGE_WORK_ONE_IN)
    return _SMALL_BYTES if is_small else most_bytes // 2 * 2


def _first_put_of_work(first: Recovery, case: Case, most_bytes: int) -> tuple[str, int]:
    """Return the id and the length of the first put, in some cases those of the one that is gone.

    That is the put behind the last record that is shown, where it is no longer than what was taken.
    """
    usual = f"{WORK_ID}0", 0
    if Prng(derive_seed(case.seed, "work like the lost")).below(LIKE_THE_LOST_ONE_IN):
        return usual
    shown = {(entry.record.id, entry.record.ts_ms) for entry in first.records}
    every = [o.record for boot in case.boots for o in boot.operations if o.record is not None]
    last = max((at for at, r in enumerate(every) if (r.id, r.ts_ms) in shown), default=-1)
    lost = next((r for r in every[last + 1 :] if r.type is RecordType.PUT), None)
    if lost is None or len(lost.payload) > most_bytes:
        return usual
    length = len(lost.id.encode())
    known = {record.id for record in every}
    id_ = usual[0][:length].ljust(length, "0")
    return usual if id_ in known else (id_, len(lost.payload))


def _filler(size: int) -> bytes:
    return (b"\0\xff" * (size // 2 + 1))[:size]


def _append(record: Record) -> Operation:
    return Operation(OperationKind.APPEND, record)
