"""State: `checkpoint-ahead` and `checkpoint-state`, judged against the recovery's own records.

The state is judged against the records of the same recovery, not against what was appended:
whether the records are right is another question, and where they are not, the state is not
judged.

A checkpoint lies on a record boundary: 0, the offset of a record, the end, or anywhere up to
the first record where the log does not start at 0. After compaction it may also lie where a
record was before, as long as the records that are left did not move.

A checkpoint that goes back after an acknowledged `apply` is no violation. It costs time and
breaks no promise: applied state at the older checkpoint plus replay from it must still equal
replay from 0, and that is judged.

After compaction a done operation may be missing from the state, and a done operation without
records may still be listed.

Not here: sends after the recovery (`requeue`).
"""

from collections.abc import Mapping

from walcrash.oracle.comparison import Comparison
from walcrash.oracle.evidence import RightRecords, ShownState
from walcrash.oracle.fold import is_same, text
from walcrash.oracle.resume import wrong_resumes
from walcrash.oracle.wording import id_text, listing, more
from walcrash.values.recovery import OperationState, OperationStatus, Recovery, SubjectState
from walcrash.values.verdict import Invariant, Violation


def judge_checkpoint_ahead(evidence: ShownState) -> list[Violation]:
    """Judge that the checkpoint is not ahead of the state, and lies on a record boundary."""
    return _wrong_checkpoint(evidence)


def judge_checkpoint_state(evidence: RightRecords | ShownState) -> list[Violation]:
    """Judge that the state is what replay from 0 amounts to, and so is replay from the checkpoint.

    Where `requeue` is not judged, an operation that vanished is judged here.
    """
    match evidence:
        case RightRecords(where=where, recovery=recovery):
            wrong = wrong_resumes(recovery, at_checkpoint=True)
            return [each.violation(Invariant.CHECKPOINT_STATE, where) for each in wrong]
        case ShownState(vanishing_breaks=Invariant.CHECKPOINT_STATE):
            return [*vanished(evidence), *_wrong_operations(evidence)]
        case ShownState():
            return _wrong_operations(evidence)


def vanished(shown: ShownState) -> list[Violation]:
    """Return the violation if an operation that is not done is missing from the state."""
    not_done = [
        item for item in _absent(shown) if shown.folded[item].status is not OperationStatus.DONE
    ]
    return _absence(not_done, shown.folded, shown.vanishing_breaks, shown.where)


def _wrong_checkpoint(shown: ShownState) -> list[Violation]:
    recovery, state, where = shown.recovery, shown.state, shown.where
    if state.checkpoint > state.applied:
        message = f"the checkpoint {state.checkpoint} is ahead of the applied state"
        return [_ahead(where, message, f"at most {state.applied}", state.checkpoint)]
    if state.applied > recovery.end:
        message = f"the applied state is at {state.applied}, behind the end of the log"
        return [_ahead(where, message, f"at most {recovery.end}", state.applied)]
    if not _is_boundary(shown.comparison, recovery, state.checkpoint):
        message = f"the checkpoint {state.checkpoint} is no record boundary"
        offsets = [0, *(item.offset for item in recovery.records), recovery.end]
        nearest = next((i for i, offset in enumerate(offsets) if offset > state.checkpoint), 0)
        allowed = listing([str(offset) for offset in offsets], focus=nearest)
        return [_ahead(where, message, allowed, state.checkpoint)]
    return []


def is_behind(recovery: Recovery, state: SubjectState) -> bool:
    """Whether a checkpoint is not ahead of the applied state, nor that of the end of the log."""
    return state.checkpoint <= state.applied <= recovery.end


def has_begun(recovery: Recovery, state: SubjectState) -> bool:
    """Whether a state says that a record has been applied; offsets may begin at any number."""
    reached = max(state.checkpoint, state.applied)
    return any(item.offset < reached for item in recovery.records)


def _ahead(where: str, message: str, allowed: str, found: int) -> Violation:
    return Violation(Invariant.CHECKPOINT_AHEAD, where, message, allowed, str(found))


def _is_boundary(comparison: Comparison, recovery: Recovery, checkpoint: int) -> bool:
    expectation = comparison.expectation
    offsets = [item.offset for item in recovery.records]
    answered = [item.offset for item in recovery.undecodable]
    first = offsets[0] if offsets else recovery.end
    is_before_log = 0 <= checkpoint <= first and (bool(offsets) or bool(expectation.compactable))
    if checkpoint in (0, recovery.end, *offsets, *answered) or is_before_log:
        return True
    entries = [comparison.expected(index) for index in comparison.matches]
    have_moved = any(
        entry is not None and entry.offset not in (None, offset)
        for entry, offset in zip(entries, offsets, strict=True)
    )
    is_old_boundary = checkpoint in expectation.boundaries and checkpoint < recovery.end
    return bool(expectation.compactable) and is_old_boundary and not have_moved


def _wrong_operations(shown: ShownState) -> list[Violation]:
    folded, operations = shown.folded, shown.state.operations
    compactable = shown.comparison.expectation.compactable
    done = [item for item in _absent(shown) if folded[item].status is OperationStatus.DONE]
    different = [
        operation_id
        for operation_id, expected in folded.items()
        if operation_id in operations
        and not is_same(expected, operations[operation_id], max_attempts=shown.max_attempts)
        and not _is_resent(operation_id, expected, operations[operation_id], shown.resent)
    ]
    extra = [
        operation_id
        for operation_id in sorted(operations.keys() - folded.keys())
        if operation_id not in compactable
        or operations[operation_id].status is not OperationStatus.DONE
    ]
    return [
        *_absence(done, folded, Invariant.CHECKPOINT_STATE, shown.where),
        *_different(different, folded, operations, shown.where),
        *_extra(extra, operations, shown.where),
    ]


def _absent(shown: ShownState) -> list[str]:
    return [
        operation_id
        for operation_id in shown.folded
        if operation_id not in shown.state.operations
        and operation_id not in shown.comparison.expectation.compactable
    ]


def _is_resent(
    operation_id: str, folded: OperationState, shown: OperationState, resent: frozenset[str]
) -> bool:
    waiting = (OperationStatus.PENDING, OperationStatus.FAILED)
    is_waiting = folded.status is OperationStatus.FAILED and shown.status in waiting
    return operation_id in resent and is_waiting


def _absence(
    ids: list[str], folded: Mapping[str, OperationState], invariant: Invariant, where: str
) -> list[Violation]:
    if not ids:
        return []
    message = (
        f"operation {id_text(ids[0])} is in the log and missing from the state"
        f"{more(len(ids) - 1, 'missing')}"
    )
    return [Violation(invariant, where, message, text(folded[ids[0]]), "nothing")]


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
