"""State: the checkpoint and the operations that a recovery showed, against its own records.

The state is judged against the records of the same recovery, not against what was appended:
whether the records are right is another question, and where they are not, the state is not
asked.

A checkpoint lies on a record boundary: 0, the offset of a record, the end, or anywhere up to
the first record where the log does not start at 0. After compaction it may also lie where a
record was before, as long as the records that are left did not move.

A checkpoint that goes back after an acknowledged `apply` is no violation. It costs time and
breaks no promise: applied state at the older checkpoint plus replay from it must still equal
replay from 0, and that is judged.

After compaction a done operation may be missing from the state, and a done operation without
records may still be listed.

Not here: replays from the checkpoint (`resume`), and sends after the recovery (`effects`).
"""

from collections.abc import Mapping

from walcrash.oracle.fold import fold, is_same, text
from walcrash.oracle.log import Expectation
from walcrash.oracle.records import Matches, Shown
from walcrash.oracle.wording import id_text, listing, more
from walcrash.values.record import RecordType
from walcrash.values.recovery import OperationState, OperationStatus, Recovery, SubjectState
from walcrash.values.verdict import Invariant, Violation


def check_checkpoint(
    expectation: Expectation, recovery: Recovery, state: SubjectState, matches: Matches, where: str
) -> list[Violation]:
    """Judge `checkpoint-ahead`."""
    if state.checkpoint > state.applied:
        message = f"the checkpoint {state.checkpoint} is ahead of the applied state"
        allowed = f"at most {state.applied}"
    elif state.applied > recovery.end:
        message = f"the applied state is at {state.applied}, behind the end of the log"
        allowed = f"at most {recovery.end}"
        return [_ahead(where, message, allowed, state.applied)]
    elif not _is_boundary(expectation, recovery, state.checkpoint, matches):
        message = f"the checkpoint {state.checkpoint} is no record boundary"
        offsets = [0, *(item.offset for item in recovery.records), recovery.end]
        nearest = next((i for i, offset in enumerate(offsets) if offset > state.checkpoint), 0)
        allowed = listing([str(offset) for offset in offsets], focus=nearest)
    else:
        return []
    return [_ahead(where, message, allowed, state.checkpoint)]


def check_operations(
    expectation: Expectation,
    recovery: Recovery,
    operations: Mapping[str, OperationState],
    *,
    resent: frozenset[str],
    max_attempts: int | None,
    vanished: Invariant,
    where: str,
) -> list[Violation]:
    """Judge that the state is what replay from 0 amounts to.

    Args:
        expectation: what the recovery may show.
        recovery: what it showed.
        operations: the operations of its state.
        resent: operations that may have been sent after their last mark. A failed one may be
            in flight or requeued, so its state may also be pending, and without its error.
        max_attempts: as in the contract.
        vanished: the invariant for an operation that is not done and not in the state.
        where: the recovery's name.
    """
    folded = fold((item.record for item in recovery.records), max_attempts)
    absent = [
        operation_id
        for operation_id in folded
        if operation_id not in operations and operation_id not in expectation.compactable
    ]
    different = [
        operation_id
        for operation_id, expected in folded.items()
        if operation_id in operations
        and not is_same(expected, operations[operation_id], max_attempts=max_attempts)
        and not _is_resent(operation_id, expected, operations[operation_id], resent)
    ]
    extra = [
        operation_id
        for operation_id in sorted(operations.keys() - folded.keys())
        if operation_id not in expectation.compactable
        or operations[operation_id].status is not OperationStatus.DONE
    ]
    return [
        *_absent(absent, folded, vanished, where),
        *_different(different, folded, operations, where),
        *_extra(extra, operations, where),
    ]


def puts_shown(shown: Shown) -> set[str]:
    """Return the ids whose PutOperation was shown."""
    return {item.record.id for item in shown if item.record.type is RecordType.PUT}


def _ahead(where: str, message: str, allowed: str, found: int) -> Violation:
    return Violation(Invariant.CHECKPOINT_AHEAD, where, message, allowed, str(found))


def _is_boundary(
    expectation: Expectation, recovery: Recovery, checkpoint: int, matches: Matches
) -> bool:
    offsets = [item.offset for item in recovery.records]
    first = offsets[0] if offsets else recovery.end
    is_before_log = 0 <= checkpoint <= first and (bool(offsets) or bool(expectation.compactable))
    if checkpoint in (0, recovery.end, *offsets) or is_before_log:
        return True
    entries = [None if index is None else expectation.items[index].entry for index in matches]
    have_moved = any(
        entry is not None and entry.offset not in (None, offset)
        for entry, offset in zip(entries, offsets, strict=True)
    )
    is_old_boundary = checkpoint in expectation.boundaries and checkpoint < recovery.end
    return bool(expectation.compactable) and is_old_boundary and not have_moved


def _is_resent(
    operation_id: str, folded: OperationState, shown: OperationState, resent: frozenset[str]
) -> bool:
    waiting = (OperationStatus.PENDING, OperationStatus.FAILED)
    is_waiting = folded.status is OperationStatus.FAILED and shown.status in waiting
    return operation_id in resent and is_waiting


def _absent(
    absent: list[str], folded: Mapping[str, OperationState], vanished: Invariant, where: str
) -> list[Violation]:
    done = [item for item in absent if folded[item].status is OperationStatus.DONE]
    not_done = [item for item in absent if folded[item].status is not OperationStatus.DONE]
    violations = []
    for ids, invariant in ((not_done, vanished), (done, Invariant.CHECKPOINT_STATE)):
        if ids:
            state = text(folded[ids[0]])
            message = (
                f"operation {id_text(ids[0])} is in the log and missing from the state"
                f"{more(len(ids) - 1, 'missing')}"
            )
            violations.append(Violation(invariant, where, message, state, "nothing"))
    return violations


def _different(
    different: list[str],
    folded: Mapping[str, OperationState],
    operations: Mapping[str, OperationState],
    where: str,
) -> list[Violation]:
    if not different:
        return []
    right, wrong = text(folded[different[0]]), text(operations[different[0]])
    message = (
        f"operation {id_text(different[0])} is {wrong} in the state, "
        f"replay from 0 makes it {right}{more(len(different) - 1, 'wrong')}"
    )
    return [Violation(Invariant.CHECKPOINT_STATE, where, message, right, wrong)]


def _extra(
    extra: list[str], operations: Mapping[str, OperationState], where: str
) -> list[Violation]:
    if not extra:
        return []
    state = text(operations[extra[0]])
    message = (
        f"operation {id_text(extra[0])} is {state} in the state, and its PutOperation is not "
        f"in the log{more(len(extra) - 1, 'without one')}"
    )
    return [Violation(Invariant.CHECKPOINT_STATE, where, message, "nothing", state)]
