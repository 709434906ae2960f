"""Faults in the n-th call of a kind: which calls they fall into, and how they are drawn.

Counted are the calls of one kind on files of one name pattern, from the beginning of an operation
of the workload on, also in later operations: so one that is not in that operation falls into the
next that has such a call, and a boot with fewer is not hit.

Not here: what happens in place of a call (`call_error`, `short_transfer`).
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, Final, Self

from walcrash.values.event import Event, EventKind
from walcrash.values.faults.base import Draft, falls_into
from walcrash.values.faults.calls import FaultCall
from walcrash.values.faults.injected import Attempt, Fault, Instead
from walcrash.values.faults.plan import FaultPlan
from walcrash.values.forms import SPARSE, EncodableText, Most, Whole
from walcrash.values.limits import EVENTS_PER_BOOT, FAULT_TIMES, ID_BYTES
from walcrash.values.moments import BLOCK_BYTES
from walcrash.values.operation import Operation

_SYNCS: Final = (FaultCall.FSYNC, FaultCall.MSYNC)

# limits
NONE_OF: Final = 8
"""Of so many boots that a fault of this kind may fall into, one is left without."""

UNSEEN_CALLS: Final = 4
"""A call that no control boot recorded is one of the first so many, each half as likely as the one
before."""

SYNC_OF_BLOCKS: Final = 8
"""A sync is so many times as likely to fail in the append of a record that fills a block: of a
shorter one the next append writes the block again."""

ANY_CALL_ONE_IN: Final = 4
"""One of so many faults is drawn from all kinds of calls, the others from those that a control boot
recorded in an operation of this boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NthCall(Fault):
    """A fault in some calls of one kind.

    Attributes:
        on: the kind of call.
        ordinal: which of the matching calls, from 0, counted from the operation on.
        times: how many matching calls in a row, from that on; None for all of the boot.
        files: only calls on files whose name matches this pattern; empty for any.
    """

    on: FaultCall
    ordinal: Annotated[int, Whole(0, EVENTS_PER_BOOT)] = 0
    times: Annotated[Annotated[int, Whole(1, FAULT_TIMES)] | None, SPARSE] = 1
    files: Annotated[EncodableText, Most(ID_BYTES), SPARSE] = ""

    @property
    def sees_reads(self) -> bool:
        """Whether it falls into calls that change nothing."""
        return self.on in (FaultCall.OPEN, FaultCall.READ)

    @property
    def is_shown_by_power_loss(self) -> bool:
        """Whether it falls into a sync: a kill takes nothing of what memory holds."""
        return self.on in _SYNCS

    def injection(self) -> "NthCallAtWork":
        """Return the fault at work in its boot."""
        return NthCallAtWork(self)

    @abstractmethod
    def instead(self, attempt: Attempt) -> Instead | None:
        """Return what happens in place of one of its calls; None where it is performed."""

    def matches(self, kind: EventKind, path: str) -> bool:
        """Whether a call is one that is counted."""
        return kind in self.on.kinds and (not self.files or is_named(path, self.files))

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield the fault once, and at the operation into which it fell.

        The error stays: the scenario may allow no other.

        Args:
            events: the trace of its boot, as far as it went.
        """
        if self.times != 1:
            yield replace(self, times=1)
        at = self.hit(events)
        if at is None or events[at].call < self.call:
            return
        call = events[at].call
        ordinal = sum(e.call == call and self.matches(e.kind, e.path) for e in events[:at])
        if (call, ordinal) != (self.call, self.ordinal):
            yield replace(self, call=call, ordinal=ordinal)

    def hit(self, events: Sequence[Event]) -> int | None:
        """Return the position of the first event that it fell on; None if there is none."""
        found = (
            at for at, e in enumerate(events) if e.is_injected and self.matches(e.kind, e.path)
        )
        return next(found, None)

    def place(self) -> str:
        """Return which calls, as reports name them: `fsync 2 of a.log from call 3 of boot 1 on`."""
        files = f" of {self.files}" if self.files else ""
        count = "" if self.times == 1 else ", and all later ones" if self.times is None else ""
        if self.times is not None and self.times > 1:
            count = f", and the {self.times - 1} after it"
        name = f"{self.on.value} {self.ordinal + 1}{files}"
        return f"{name} from call {self.call} of boot {self.boot + 1} on{count}"


class NthCallAtWork:
    """A fault in one boot: how many matching calls it has seen, and how many it has hit."""

    def __init__(self, fault: NthCall) -> None:
        self._fault = fault
        self._seen = 0

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return what happens in place of the call at hand; None where that is performed."""
        fault = self._fault
        if attempt.call < fault.call or not fault.matches(attempt.kind, attempt.path):
            return None
        at, self._seen = self._seen - fault.ordinal, self._seen + 1
        is_hit = at >= 0 and (fault.times is None or at < fault.times)
        return fault.instead(attempt) if is_hit else None


def is_named(path: str, pattern: str) -> bool:
    """Whether a path, or the name at its end, matches a pattern as the shell has them."""
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)


def _weight(on: FaultCall, operation: Operation) -> int:
    """Return how likely a fault falls into an operation: what a failed sync drops is whole blocks.

    Source: Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020: the pages of
    a failed sync are clean, until they are written again.
    """
    is_long = operation.record is not None and len(operation.record.payload) >= BLOCK_BYTES
    return SYNC_OF_BLOCKS if on in _SYNCS and is_long else 1


def draw_call(plan: FaultPlan, draft: Draft, calls: Sequence[FaultCall]) -> FaultCall:
    """Return one of some kinds of calls, mostly one that an operation of the boot has.

    Args:
        plan: what the scenario says.
        draft: the boot.
        calls: the kinds of calls, one or more.
    """
    names = draft.names(plan)
    operations = [each for each in draft.operations if falls_into(names, each)]
    seen = [
        call
        for call in calls
        if any(draft.count(operation, kind) for operation in operations for kind in call.kinds)
    ]
    is_any = draft.prng.below(ANY_CALL_ONE_IN) == 0
    return draft.prng.choice(calls if is_any or not seen else seen)


def draw_place(plan: FaultPlan, draft: Draft, on: FaultCall) -> tuple[int, int] | None:
    """Return an operation and the position of one of its calls; None where the boot gets none.

    Args:
        plan: what the scenario says.
        draft: the boot.
        on: the kind of call.
    """
    prng = draft.prng
    if prng.below(NONE_OF) == 0:
        return None
    names = draft.names(plan)
    possible = [
        (at, sum(draft.count(operation, kind) for kind in on.kinds))
        for at, operation in enumerate(draft.operations)
        if falls_into(names, operation)
    ]
    if not possible:
        return None
    calling = [each for each in possible if each[1]] or possible
    weights = [_weight(on, draft.operations[at]) for at, _ in calling]
    at, count = prng.weighted(calling, weights)
    if count:
        return at, prng.below(count)
    ordinals = range(UNSEEN_CALLS)
    return at, prng.weighted(ordinals, [1 << (UNSEEN_CALLS - ordinal) for ordinal in ordinals])
