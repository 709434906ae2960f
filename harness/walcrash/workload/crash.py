"""Where the crash of a boot falls: which fault, which operation, which event.

The operation is drawn first, each one that the fault allows as likely as the others, so that a
long operation does not draw all crashes to itself; then one of its events.

Not here: what the operations are (`operations`).

Source: `values.case`, which says what a crash point means.
"""

from collections.abc import Sequence
from typing import Final

from walcrash.values.case import KEPT_SCALE, Crash, CrashPoint, KillTimer, PowerLoss
from walcrash.values.event import EventKind
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import RecordType
from walcrash.values.scenario import (
    BootSelector,
    FaultKind,
    FaultPlan,
    OperationMix,
    WorkloadPlan,
)
from walcrash.values.seed import Prng
from walcrash.workload.operations import (
    CAPABILITY,
    CLOSE,
    Progress,
    draw_operation,
    has_markable,
)
from walcrash.workload.profile import Profile, operation_key

# limits
RECOVERY_EVENTS: Final = 6
"""Fewest events that a crash during recovery is drawn from: the boots that the profile knows
were closed cleanly, and a recovery after a crash has more to do."""

_RECORD_MIX: Final = {
    RecordType.PUT.value: OperationMix.PUT,
    RecordType.DONE.value: OperationMix.DONE,
    RecordType.FAILED.value: OperationMix.FAILED,
    OperationKind.APPEND.value: OperationMix.PUT,
}


def draw_fault(
    prng: Prng,
    faults: Sequence[FaultPlan],
    *,
    supports: frozenset[str],
    boot: int,
    is_last: bool,
) -> FaultPlan | None:
    """Return the fault that ends a boot, counted from 0; None if none may."""
    possible = [
        fault
        for fault in faults
        if _selects(fault.boots, boot=boot, is_last=is_last) and _names(fault, supports) is not None
    ]
    if not possible:
        return None
    return prng.weighted(possible, [fault.weight for fault in possible])


def _selects(selector: BootSelector, *, boot: int, is_last: bool) -> bool:
    return {
        BootSelector.ANY: True,
        BootSelector.FIRST: boot == 0,
        BootSelector.LATER: boot > 0,
        BootSelector.LAST: is_last,
    }[selector]


def _names(fault: FaultPlan, supports: frozenset[str]) -> tuple[str, ...] | None:
    """Return the operations that the fault may fall into, empty for any; None if none can."""
    names = fault.operations
    if fault.event is EventKind.EFFECT and not names:
        names = (OperationKind.TICK.value,)
    needed = {kind.value: capability for kind, capability in CAPABILITY.items()}
    supported = tuple(name for name in names if name not in needed or needed[name] in supports)
    return None if names and not supported else supported


def draw_end(
    prng: Prng,
    operations: Sequence[Operation],
    progress: Progress,
    plan: WorkloadPlan,
    fault: FaultPlan,
    *,
    supports: frozenset[str],
    profile: Profile,
    is_first_boot: bool,
) -> tuple[list[Operation], Crash]:
    """Return the operations up to the one in which the crash falls, and the crash.

    Args:
        prng: the generator.
        operations: the boot's, `close` left out.
        progress: where the case stood before the boot; it stays.
        plan: for an operation that the fault needs and that was not drawn.
        fault: what ends the boot.
        supports: the subject's capabilities.
        profile: how many events each operation has.
        is_first_boot: whether the directory was empty.
    """
    if fault.kind is FaultKind.POWER:
        # The whole boot is recorded, its `close` too: the power may go at any time.
        return [*operations, CLOSE], PowerLoss(prng.below(1 << 63), fault.images)
    if fault.kind is FaultKind.KILL_TIMER:
        return list(operations), KillTimer(prng.between(*fault.delay_us))
    names = _names(fault, supports)
    assert names is not None, "a fault that can fall nowhere was drawn"
    whole = [*operations, CLOSE]
    keys = [operation_key(each, is_first_boot=is_first_boot) for each in whole]
    matching = [at for at, each in enumerate(whole) if _falls_into(names, each)]
    # An operation without the event that is asked for would be hit at its reply.
    if fault.event is EventKind.EFFECT:
        sending = _sending_ticks(whole, progress.copy())
        eligible = [at for at in matching if at in sending]
    else:
        eligible = [at for at in matching if profile.count(keys[at], fault.event) > 0]
    if matching:
        prefix = whole[: prng.choice(eligible or matching) + 1]
    else:
        prefix = _with_needed(prng, operations, progress.copy(), plan, prng.choice(names))
    key = operation_key(prefix[-1], is_first_boot=is_first_boot)
    return prefix, _draw_point(prng, fault, profile, key, len(prefix) - 1)


def _falls_into(names: Sequence[str], operation: Operation) -> bool:
    is_named = operation.kind.value in names
    is_type_named = operation.record is not None and operation.record.type.value in names
    return not names or is_named or is_type_named


def _sending_ticks(operations: Sequence[Operation], progress: Progress) -> set[int]:
    sending = set()
    for at, operation in enumerate(operations):
        waiting_before = len(progress.waiting)
        progress.note(operation)
        if operation.now_ms is not None and len(progress.waiting) < waiting_before:
            sending.add(at)
    return sending


def _with_needed(
    prng: Prng,
    operations: Sequence[Operation],
    progress: Progress,
    plan: WorkloadPlan,
    name: str,
) -> list[Operation]:
    """Return some first part of the operations with the needed one behind it."""
    kept = list(operations[: prng.between(1, len(operations))])
    for operation in kept:
        progress.note(operation)
    kind = _RECORD_MIX.get(name) or OperationMix(name)
    if kind in (OperationMix.DONE, OperationMix.FAILED) and not has_markable(progress):
        kept.append(draw_operation(prng, progress, plan, OperationMix.PUT, kept))
        progress.note(kept[-1])
    return [*kept, draw_operation(prng, progress, plan, kind, kept)]


def _draw_point(prng: Prng, fault: FaultPlan, profile: Profile, key: str, call: int) -> CrashPoint:
    least = RECOVERY_EVENTS if key == "reopen" else 1
    count = max(least, profile.count(key, fault.event))
    # One in eight lies beyond what was seen, in case a call does more than ever before.
    is_beyond = prng.below(8) == 0
    ordinal = count + prng.below(count) if is_beyond else prng.below(count)
    placement = prng.choice(_placements(fault))
    return CrashPoint(
        call=call,
        ordinal=ordinal,
        placement=placement,
        event=fault.event,
        kept=_draw_kept(prng) if placement is Placement.WITHIN else 0,
    )


def _placements(fault: FaultPlan) -> Sequence[Placement]:
    if fault.event in (None, EventKind.WRITE):
        return fault.placements
    # Within anything but a write is before it, which would then be drawn twice as often.
    others = [each for each in fault.placements if each is not Placement.WITHIN]
    return others or [Placement.BEFORE]


def _draw_kept(prng: Prng) -> int:
    # The ends, one byte kept and one byte lost, are where off-by-one mistakes live.
    ends = (0, KEPT_SCALE - 1)
    return prng.choice(ends) if prng.below(4) == 0 else prng.below(KEPT_SCALE)
