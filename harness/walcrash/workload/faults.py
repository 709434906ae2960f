"""Which faults a boot gets: what ends it, and what is injected into it.

Not here: where a fault falls, which its class says (`walcrash.values.faults`); what the operations
are (`operations`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.values.event import EventKind
from walcrash.values.faults import Ending, Fault, FaultPlan, Injectable, class_of
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import RecordType
from walcrash.values.scenario import MIX_CAPABILITIES, OperationMix, WorkloadPlan
from walcrash.values.seed import Prng
from walcrash.workload.fillers import Filling, leave_time
from walcrash.workload.operations import (
    CLOSE,
    Progress,
    draw_operation,
    has_markable,
)
from walcrash.workload.profile import REOPEN, Profile, operation_key

# limits
RECOVERY_EVENTS: Final = 6
"""Fewest events that a fault during recovery is drawn from: the boots that the profile knows
were closed cleanly, and a recovery after a crash has more to do."""

_RECORD_MIX: Final = {
    RecordType.PUT.value: OperationMix.PUT,
    RecordType.DONE.value: OperationMix.DONE,
    RecordType.FAILED.value: OperationMix.FAILED,
    OperationKind.APPEND.value: OperationMix.PUT,
}


def draw_end(
    prng: Prng,
    faults: Sequence[FaultPlan],
    *,
    supports: frozenset[str],
    boot: int,
    is_last: bool,
) -> FaultPlan | None:
    """Return the plan of what ends a boot, counted from 0; None if nothing may."""
    possible = possible_ends(faults, supports=supports, boot=boot, is_last=is_last)
    if not possible:
        return None
    return prng.weighted(possible, [plan.weight for plan in possible])


def possible_ends(
    faults: Sequence[FaultPlan], *, supports: frozenset[str], boot: int, is_last: bool
) -> list[FaultPlan]:
    """Return the plans that may end a boot, counted from 0."""
    return [
        plan
        for plan in faults
        if isinstance(class_of(plan), Ending)
        and plan.boots.selects(boot=boot, is_last=is_last)
        and _names(plan, supports) is not None
    ]


def draw_injected(faults: Sequence[FaultPlan], draft: "BootDraft", *, is_last: bool) -> list[Fault]:
    """Return what is injected into a boot: what one of the plans draws that may fall into it."""
    possible = possible_injections(
        faults, supports=draft.supports, boot=draft.boot, is_last=is_last
    )
    if not possible:
        return []
    plan, kind = possible[0]
    # Several errors in one boot hide each other: after the first it may take nothing more.
    if len(possible) > 1:
        plan, kind = draft.prng.weighted(possible, [plan.weight for plan, _ in possible])
    fault = kind.draw(plan, draft)
    return [] if fault is None else [fault]


def possible_injections(
    faults: Sequence[FaultPlan], *, supports: frozenset[str], boot: int, is_last: bool
) -> list[tuple[FaultPlan, Injectable]]:
    """Return the plans that may fall into a boot, counted from 0, each with its class."""
    return [
        (plan, kind)
        for plan in faults
        if isinstance(kind := class_of(plan), Injectable)
        and (not kind.is_at_rest or is_last is not plan.between_boots)
        and plan.boots.selects(boot=boot, is_last=is_last)
        and _names(plan, supports) is not None
    ]


def _names(plan: FaultPlan, supports: frozenset[str]) -> tuple[str, ...] | None:
    """Return the operations that a fault may fall into, empty for any; None if none can."""
    names = plan.operations
    if plan.event is EventKind.EFFECT and not names:
        names = (OperationKind.TICK.value,)
    needed = {kind.value: capability for kind, capability in MIX_CAPABILITIES.items()}
    supported = tuple(name for name in names if name not in needed or needed[name] in supports)
    return None if names and not supported else supported


@dataclass(frozen=True, slots=True, kw_only=True)
class BootDraft:
    """A boot whose operations are drawn, and into which a fault is drawn now.

    Attributes:
        prng: the generator.
        boot: the boot, from 0.
        operations: in order; `close` is left out.
        progress: where the case stood before the boot; it stays.
        plan: for an operation that a fault needs and that was not drawn.
        supports: the subject's capabilities.
        profile: how many events each operation has.
    """

    prng: Prng
    boot: int
    operations: Sequence[Operation]
    progress: Progress
    plan: WorkloadPlan
    supports: frozenset[str]
    profile: Profile

    def closed(self) -> list[Operation]:
        """Return the operations with a `close` behind them."""
        return [*self.operations, CLOSE]

    def names(self, plan: FaultPlan) -> Sequence[str]:
        """Return the operations that a fault may fall into, empty for any."""
        names = _names(plan, self.supports)
        assert names is not None, "a fault that can fall nowhere was drawn"
        return names

    def count(self, operation: Operation, event: EventKind | None) -> int:
        """Return how many events of a kind, or of all, an operation had without any fault."""
        return self.profile.count(self._key(operation), event)

    def least(self, operation: Operation) -> int:
        """Return the fewest events that a fault in an operation is drawn from."""
        return RECOVERY_EVENTS if self._key(operation) == REOPEN else 1

    def sending_ticks(self) -> set[int]:
        """Return the positions of the ticks that have something to send."""
        sending, progress = set(), self.progress.copy()
        for at, operation in enumerate(self.operations):
            waiting_before = len(progress.waiting)
            progress.note(operation)
            if operation.now_ms is not None and len(progress.waiting) < waiting_before:
                sending.add(at)
        return sending

    def room_bytes(self, call: int) -> int:
        """Return by how much the payloads up to an operation can grow, its own included."""
        most = max(self.plan.payload_bytes)
        return sum(
            max(0, most - len(operation.record.payload))
            for operation in self.operations[: call + 1]
            if operation.record is not None and operation.record.type is RecordType.PUT
        )

    def takes_fillers(self) -> bool:
        """Return whether puts may be added before a write that is to be torn."""
        return Filling.of(self.plan) is not None

    def with_time_left(self, operations: Sequence[Operation]) -> list[Operation]:
        """Return operations of which the last, in which a write is torn, leaves time for puts."""
        last = leave_time(operations[-1]) if self.takes_fillers() else operations[-1]
        return [*operations[:-1], last]

    def with_needed(self, name: str) -> list[Operation]:
        """Return some first part of the operations with a needed one behind it."""
        prng, plan, progress = self.prng, self.plan, self.progress.copy()
        kept = list(self.operations[: prng.between(1, len(self.operations))])
        for operation in kept:
            progress.note(operation)
        kind = _RECORD_MIX.get(name) or OperationMix(name)
        if kind in (OperationMix.DONE, OperationMix.FAILED) and not has_markable(progress):
            kept.append(draw_operation(prng, progress, plan, OperationMix.PUT, kept))
            progress.note(kept[-1])
        return [*kept, draw_operation(prng, progress, plan, kind, kept)]

    def _key(self, operation: Operation) -> str:
        return operation_key(operation, is_first_boot=self.boot == 0)
