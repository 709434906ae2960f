"""Smaller workloads: a case with fewer boots or operations, and with simpler ones.

Whatever is taken away, the case stays one that a scenario could have drawn: a mark has its put
before it, a replay starts from an offset that is known. So a subject is never accused of
something that nobody may ask of it.

Not here: what is tried, and in which order (`minimise`); pure, nothing runs.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from walcrash.values.case import BootPlan, Case, Crash
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint, Fault
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.workload.control import control_of
from walcrash.workload.operations import CLOSE, EPOCH_MS
from walcrash.workload.profile import operation_key

Place = tuple[int, int]
"""An operation: its boot and its position there, both from 0."""

_AROUND: Final = (OperationKind.OPEN, OperationKind.CLOSE)


@dataclass(frozen=True, slots=True)
class Edit:
    """A changed case, and what became of the boots and calls of the one before.

    Attributes:
        case: as it is now.
        boots: for each boot, the boot that its crash comes from.
        calls: for each boot, the new position of each call of that boot that is still there.
    """

    case: Case
    boots: tuple[int, ...]
    calls: tuple[Mapping[int, int], ...]


def unchanged(case: Case) -> Edit:
    """Return the edit that changes nothing."""
    calls = [{at: at for at in range(len(boot.operations))} for boot in case.boots]
    return Edit(case, tuple(range(len(case.boots))), tuple(calls))


def removable(case: Case) -> list[Place]:
    """Return the operations of a case, opens and closes left out."""
    return [
        (number, at)
        for number, boot in enumerate(case.boots)
        for at, operation in enumerate(boot.operations)
        if operation.kind not in _AROUND
    ]


def needed_for(case: Case, places: Collection[Place]) -> set[Place]:
    """Return these operations, and the puts of what they mark."""
    needed = set(places)
    puts: dict[str, Place] = {}
    for place in removable(case):
        record = case.boots[place[0]].operations[place[1]].record
        if record is None:
            continue
        if record.type is RecordType.PUT:
            puts[record.id] = place
        elif place in needed and record.id in puts:
            needed.add(puts[record.id])
    return needed


def keep(case: Case, kept: Collection[Place]) -> Edit | None:
    """Return the case with these operations only, and without marks of what is gone.

    A kill whose operation is gone falls into the last one of its kind before it; a kill between
    two calls falls after the last call before it.

    Returns:
        None if a kill has no such operation.
    """
    kept = _legal(case, set(kept))
    boots, calls = [], []
    for number, boot in enumerate(case.boots):
        whole = [
            at
            for at, operation in enumerate(boot.operations)
            if operation.kind in _AROUND or (number, at) in kept
        ]
        crash = _retargeted(boot, number, whole)
        if crash is not None:
            whole = [at for at in whole if at <= crash.call]
        elif isinstance(boot.crash, CrashPoint):
            return None
        new = {old: at for at, old in enumerate(whole)}
        moved = boot.crash if crash is None else replace(crash, call=new[crash.call])
        operations = _renumbered([boot.operations[at] for at in whole], new)
        boots.append(BootPlan(operations, moved))
        calls.append(new)
    # What a kill took away may have been needed by a mark in a later boot.
    edited = replace(case, boots=tuple(boots), faults=_moved(case.faults, calls))
    if len(_legal(edited, set(removable(edited)))) < len(removable(edited)):
        return None
    return Edit(edited, tuple(range(len(boots))), tuple(calls))


def _moved(faults: Sequence[Fault], calls: Sequence[Mapping[int, int]]) -> tuple[Fault, ...]:
    """Return the faults at the new positions of their calls, without those whose call is gone."""
    return tuple(
        fault.moved(boot=fault.boot, call=calls[fault.boot][fault.call])
        for fault in faults
        if fault.call in calls[fault.boot]
    )


def without_crashes(case: Case) -> Edit:
    """Return the case with every boot closed, and nothing injected."""
    closed = control_of(case)
    return replace(unchanged(case), case=closed)


def with_faults(case: Case, faults: Sequence[Fault]) -> Edit:
    """Return the case with other faults injected."""
    return unchanged(replace(case, faults=tuple(faults)))


def _legal(case: Case, kept: set[Place]) -> set[Place]:
    """Leave out marks of operations that were not put, or are done."""
    open_ids: set[str] = set()
    legal = set()
    for place in removable(case):
        if place not in kept:
            continue
        record = case.boots[place[0]].operations[place[1]].record
        if record is not None and record.type is RecordType.PUT:
            open_ids.add(record.id)
        elif record is not None and record.id not in open_ids:
            continue
        elif record is not None and record.type is RecordType.DONE:
            open_ids.remove(record.id)
        legal.add(place)
    return legal


def _retargeted(boot: BootPlan, number: int, whole: Sequence[int]) -> CrashPoint | None:
    """Return a boot's kill, in the old positions, at an operation that is still there."""
    crash = boot.crash
    if not isinstance(crash, CrashPoint):
        return None

    before = [at for at in whole if at <= crash.call]
    if crash.event is EventKind.REPLY and crash.placement is Placement.AFTER:
        # Between two calls, whatever they are.
        return replace(crash, call=before[-1]) if before else None
    called = boot.operations[crash.call]
    for is_alike in (_has_same_key, _has_same_kind):
        alike = [at for at in before if is_alike(boot.operations[at], called, number)]
        if alike:
            return replace(crash, call=alike[-1])
    return None


def _has_same_key(one: Operation, other: Operation, boot: int) -> bool:
    is_first = boot == 0
    return operation_key(one, is_first_boot=is_first) == operation_key(
        other, is_first_boot=is_first
    )


def _has_same_kind(one: Operation, other: Operation, _: int) -> bool:
    return one.kind is other.kind


def _renumbered(operations: list[Operation], new: Mapping[int, int]) -> tuple[Operation, ...]:
    """Let replays start where they started, or from the start where that is gone."""
    return tuple(
        operation
        if operation.from_call is None
        else replace(operation, from_call=new.get(operation.from_call))
        for operation in operations
    )


def with_boots(case: Case, kept: Sequence[int]) -> Edit | None:
    """Return the case with these boots only, in this order."""
    new = {old: at for at, old in enumerate(kept)}
    faults = [fault for fault in case.faults if fault.boot in new]
    before = replace(
        case,
        boots=tuple(case.boots[number] for number in kept),
        faults=tuple(fault.moved(boot=new[fault.boot], call=fault.call) for fault in faults),
    )
    edit = keep(before, removable(before))
    return edit and replace(edit, boots=tuple(kept))


def merged(case: Case, first: int) -> Edit | None:
    """Return the case with a boot and the next one as one boot, ended by the next one's crash."""
    one, two = case.boots[first : first + 2]
    head = [operation for operation in one.operations if operation.kind is not OperationKind.CLOSE]
    shift = len(head) - 1
    tail = [
        o if o.from_call is None else replace(o, from_call=o.from_call + shift)
        for o in two.operations[1:]
    ]
    crash = two.crash
    if isinstance(crash, CrashPoint):
        if crash.call == 0:
            return None
        crash = replace(crash, call=crash.call + shift)
    boot = BootPlan((*head, *tail), crash)
    boots = (*case.boots[:first], boot, *case.boots[first + 2 :])
    together = replace(case, boots=boots, faults=_merged_faults(case, first, shift))
    edit = keep(together, removable(together))
    if edit is None:
        return None
    numbers = [*range(first), *range(first + 1, len(case.boots))]
    calls = list(edit.calls)
    new = calls[first]
    calls[first] = {
        at: new[at + shift] for at in range(1, len(two.operations)) if at + shift in new
    }
    return Edit(edit.case, tuple(numbers), tuple(calls))


def _merged_faults(case: Case, first: int, shift: int) -> tuple[Fault, ...]:
    """Return the faults after a boot and the next one became one; `shift` is for the latter's."""
    last = len(case.boots[first].operations) - 1
    is_closed = case.boots[first].operations[last].kind is OperationKind.CLOSE
    merged = []
    for fault in case.faults:
        if fault.boot == first and is_closed and fault.call == last:
            continue  # the `close` between the two boots is gone
        if fault.boot == first + 1 and fault.call == 0:
            continue  # and so is the `open` after it
        boot = fault.boot - (fault.boot > first)
        merged.append(fault.moved(boot=boot, call=fault.call + shift * (fault.boot == first + 1)))
    return tuple(merged)


def with_crash(case: Case, boot: int, crash: Crash | None) -> Edit | None:
    """Return the case with another end of one boot; a kill takes away what comes after it."""
    operations = case.boots[boot].operations
    if isinstance(crash, CrashPoint):
        operations = operations[: crash.call + 1]
    elif operations[-1].kind is not OperationKind.CLOSE:
        operations = (*operations, CLOSE)
    boots = list(case.boots)
    boots[boot] = BootPlan(operations, crash)
    faults = [f for f in case.faults if f.boot != boot or f.call < len(operations)]
    edited = replace(case, boots=tuple(boots), faults=tuple(faults))
    edit = keep(edited, removable(edited))
    if edit is None:
        return None
    calls = list(edit.calls)
    # A `close` that was added has no old position.
    calls[boot] = {
        at: new for at, new in calls[boot].items() if at < len(case.boots[boot].operations)
    }
    return replace(edit, calls=tuple(calls))


def rewritten(case: Case, change: Callable[[Place, Operation], Operation]) -> Edit:
    """Return the case with each operation changed by itself."""
    boots = tuple(
        BootPlan(
            tuple(change((number, at), each) for at, each in enumerate(boot.operations)),
            boot.crash,
        )
        for number, boot in enumerate(case.boots)
    )
    return replace(unchanged(case), case=replace(case, boots=boots))


def with_record(case: Case, place: Place, record: Record) -> Edit:
    """Return the case with another record in one place."""

    def change(at: Place, operation: Operation) -> Operation:
        return replace(operation, record=record) if at == place else operation

    return rewritten(case, change)


def with_plain_ids(case: Case) -> Edit:
    """Return the case with the ids `op-1`, `op-2`, ... in the order in which they come."""
    names: dict[str, str] = {}

    def change(_: Place, operation: Operation) -> Operation:
        if operation.record is None:
            return operation
        name = names.setdefault(operation.record.id, f"op-{len(names) + 1}")
        return replace(operation, record=replace(operation.record, id=name))

    return rewritten(case, change)


def with_payloads(case: Case, payload: bytes) -> Edit:
    """Return the case with one payload in every put that has one."""

    def change(_: Place, operation: Operation) -> Operation:
        record = operation.record
        if record is None or len(record.payload) <= len(payload):
            return operation
        return replace(operation, record=replace(record, payload=payload))

    return rewritten(case, change)


def with_plain_failures(case: Case) -> Edit:
    """Return the case with failed attempts that have no text and can be tried again at once."""

    def change(_: Place, operation: Operation) -> Operation:
        record = operation.record
        if record is None or record.type is not RecordType.FAILED:
            return operation
        plain = replace(record, error="", next_retry_at_ms=record.ts_ms + 1)
        return replace(operation, record=plain)

    return rewritten(case, change)


def with_even_times(case: Case) -> Edit:
    """Return the case with one millisecond from each operation that has a time to the next."""
    times: list[int] = []

    def change(_: Place, operation: Operation) -> Operation:
        if operation.record is None and operation.now_ms is None:
            return operation
        times.append(EPOCH_MS + len(times) + 1)
        if operation.record is None:
            return replace(operation, now_ms=times[-1])
        record = operation.record
        delay_ms = record.next_retry_at_ms - record.ts_ms if record.next_retry_at_ms else 0
        retry_ms = times[-1] + delay_ms if delay_ms else 0
        moved = replace(record, ts_ms=times[-1], next_retry_at_ms=retry_ms)
        return replace(operation, record=moved)

    return rewritten(case, change)


def with_done_for_failed(case: Case, place: Place) -> Edit | None:
    """Return the case with a `MarkDone` in place of one `MarkFailed`."""
    record = case.boots[place[0]].operations[place[1]].record
    if record is None or record.type is not RecordType.FAILED:
        return None
    done = with_record(case, place, Record(RecordType.DONE, record.id, record.ts_ms)).case
    return keep(done, removable(done))
