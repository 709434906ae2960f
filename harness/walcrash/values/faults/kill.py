"""An exact kill: SIGKILL before, within or after a stated event; the page cache survives.

The operation is drawn first, each one that the plan allows as likely as the others, so that a
long operation does not draw all crashes to itself; then one of its events. For a kill within a
write it is one before which payloads can grow by a page, so that a page end can be moved into the
write (`walcrash.case.alignment`); where payloads are shorter than a page and there is none such, it
is any that writes records, which gets more puts before it (`walcrash.workload.fillers`).

Not here: how a kill is made to fall there (`walcrash.recorder.supervisor`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

from walcrash.values.event import Event, EventKind
from walcrash.values.faults.base import Draft, Ending, falls_into
from walcrash.values.faults.end import ENDS, End
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import Whole
from walcrash.values.limits import EVENTS_PER_BOOT
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import RecordType
from walcrash.values.tears import PAGE_BYTES

KEPT_SCALE: Final = 1 << 16
"""`CrashPoint.kept` is a share of this."""


def bytes_of_share(share: int, length_bytes: int) -> int:
    """Return how many bytes of a write a share is: at least one, and not all."""
    return 1 + share * (length_bytes - 1) // KEPT_SCALE


def share_of_bytes(kept_bytes: int, length_bytes: int) -> int:
    """Return a share of a write that means so many of its bytes, at least one and not all."""
    steps = length_bytes - 1
    share = -(-(kept_bytes - 1) * KEPT_SCALE // steps) if steps else 0
    return min(share, KEPT_SCALE - 1)


@ENDS.add("kill")
@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint(End):
    """An exact kill.

    Attributes:
        call: the position of the operation among the boot's operations.
        ordinal: which of the call's (matching) events, from 0.
        placement: before it, within it, or after it. `WITHIN` something that is no write, or
            is one that cannot be torn where it lies, is `BEFORE`.
        event: count only events of this kind; None counts all.
        kept: for `WITHIN`: about how much of the write happens, in 1/65536 of its length; the
            nearest place at which the write can be torn is taken.
    """

    noun: ClassVar[str] = "a kill at an exact point"

    call: Annotated[int, Whole(0)]
    ordinal: Annotated[int, Whole(0, EVENTS_PER_BOOT * 4)]
    placement: Placement
    event: EventKind | None = None
    kept: Annotated[int, Whole(0, KEPT_SCALE - 1)] = 0

    @classmethod
    def after_call(cls, call: int) -> "CrashPoint":
        """Return the kill between a call and the next one."""
        return cls(call=call, ordinal=0, placement=Placement.AFTER, event=EventKind.REPLY)

    @property
    def is_after_call(self) -> bool:
        """Whether it falls between two calls."""
        return self.event is EventKind.REPLY and self.placement is Placement.AFTER

    def simpler(self, events: Sequence[Event]) -> Iterator["CrashPoint"]:
        """Yield the simpler places in the same call: between calls, between events, within one.

        Args:
            events: the trace of its boot, as far as it went.
        """
        if not self.is_after_call:
            yield self.after_call(self.call)
        if self.placement is Placement.WITHIN:
            yield replace(self, placement=Placement.AFTER, kept=0)
            yield replace(self, placement=Placement.BEFORE, kept=0)
            shares = (0, KEPT_SCALE // 2, KEPT_SCALE - 1)
            known = shares.index(self.kept) if self.kept in shares else len(shares)
            yield from (replace(self, kept=share) for share in shares[:known])
        elif self.placement is Placement.BEFORE:
            earlier = [event for event in events if event.call == self.call]
            if earlier:
                kind = earlier[-1].kind
                ordinal = sum(event.kind is kind for event in earlier) - 1
                yield CrashPoint(
                    call=self.call, ordinal=ordinal, placement=Placement.AFTER, event=kind
                )


class Kill(Ending):
    """Exact kills, as a scenario asks for them."""

    kind = FaultKind.KILL
    keys = frozenset({"operations", "event", "placements"})
    falls = "at an event"

    def draw(self, plan: FaultPlan, draft: Draft) -> tuple[list[Operation], CrashPoint]:
        """Return the operations up to the one that is killed, and the crash point."""
        names, whole = draft.names(plan), draft.closed()
        placement = draft.prng.choice(_placements(plan))
        matching = [at for at, each in enumerate(whole) if falls_into(names, each)]
        # An operation without the event that is asked for would be hit at its reply.
        if plan.event is EventKind.EFFECT:
            sending = draft.sending_ticks()
            eligible = [at for at in matching if at in sending]
        else:
            eligible = [at for at in matching if draft.count(whole[at], plan.event) > 0]
        possible = eligible or matching
        if placement is Placement.WITHIN:
            possible = _tearable(draft, possible) or _fillable(draft, possible)
        if possible:
            operations = whole[: draft.prng.choice(possible) + 1]
        elif placement is Placement.WITHIN and _takes_puts(names):
            operations = draft.with_needed(RecordType.PUT.value)
        elif matching:
            operations = whole[: matching[-1] + 1]
        else:
            operations = draft.with_needed(draft.prng.choice(names))
        if placement is Placement.WITHIN:
            operations = draft.with_time_left(operations)
        return operations, _draw_point(plan, draft, operations, placement)


def falls_on(plan: FaultPlan, operation: Operation, event: Event, placement: Placement) -> bool:
    """Return whether a plan of kills may fall on an event of an operation."""
    is_kind = plan.event is None or plan.event is event.kind
    return is_kind and placement in plan.placements and falls_into(plan.operations, operation)


def _tearable(draft: Draft, possible: Sequence[int]) -> list[int]:
    """Return the operations into whose writes a page end can be moved, as far as payloads say."""
    return [at for at in possible if draft.room_bytes(at) >= PAGE_BYTES]


def _fillable(draft: Draft, possible: Sequence[int]) -> list[int]:
    """Return the operations whose writes move or get longer with puts that are added before."""
    if not draft.takes_fillers():
        return []
    whole = draft.closed()
    writing = (OperationKind.APPEND, OperationKind.APPLY, OperationKind.COMPACT)
    return [
        at
        for at in possible
        if whole[at].kind in writing and draft.count(whole[at], EventKind.WRITE) > 0
    ]


def _takes_puts(names: Sequence[str]) -> bool:
    return not names or not {OperationKind.APPEND.value, RecordType.PUT.value}.isdisjoint(names)


def _draw_point(
    plan: FaultPlan, draft: Draft, operations: Sequence[Operation], placement: Placement
) -> CrashPoint:
    prng, last = draft.prng, operations[-1]
    count = max(draft.least(last), draft.count(last, plan.event))
    # One in eight lies beyond what was seen, in case a call does more than ever before; there is
    # no write beyond the last one to fall into.
    is_beyond = prng.below(8) == 0 and placement is not Placement.WITHIN
    ordinal = count + prng.below(count) if is_beyond else prng.below(count)
    return CrashPoint(
        call=len(operations) - 1,
        ordinal=ordinal,
        placement=placement,
        event=plan.event,
        kept=_draw_kept(draft) if placement is Placement.WITHIN else 0,
    )


def _placements(plan: FaultPlan) -> Sequence[Placement]:
    if plan.event in (None, EventKind.WRITE):
        return plan.placements
    # Within anything but a write is before it, which would then be drawn twice as often.
    others = [each for each in plan.placements if each is not Placement.WITHIN]
    return others or [Placement.BEFORE]


def _draw_kept(draft: Draft) -> int:
    # The ends, one byte kept and one byte lost, are where off-by-one mistakes live.
    ends = (0, KEPT_SCALE - 1)
    return draft.prng.choice(ends) if draft.prng.below(4) == 0 else draft.prng.below(KEPT_SCALE)
