"""Fold: the operations that a log amounts to, by the rules of the reference system alone.

A PutOperation makes an operation pending. A MarkDone makes it done. A MarkFailed makes it
failed, with its error and next retry time, or permanently failed once it is the
`max_attempts`-th of that operation. The last record of an id wins; marks of operations that
are unknown at that point are ignored.

Not here: anything in flight. That is not written to the log, so a state may show it where the
log says pending or failed.

Source: `harness/walcrash/docs/explanation/reference-system.md`.
"""

from collections.abc import Iterable

from walcrash.oracle.wording import quoted
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationState, OperationStatus


def fold(records: Iterable[Record], max_attempts: int | None) -> dict[str, OperationState]:
    """Return the operations by id, in the order of their first PutOperation."""
    operations: dict[str, OperationState] = {}
    attempts: dict[str, int] = {}
    for record in records:
        if record.type is RecordType.PUT:
            operations[record.id] = OperationState(OperationStatus.PENDING)
        elif record.id not in operations:
            continue
        elif record.type is RecordType.DONE:
            operations[record.id] = OperationState(OperationStatus.DONE)
        else:
            attempts[record.id] = attempts.get(record.id, 0) + 1
            is_last = max_attempts is not None and attempts[record.id] >= max_attempts
            status = OperationStatus.PERMANENT_FAILED if is_last else OperationStatus.FAILED
            operations[record.id] = OperationState(status, record.error, record.next_retry_at_ms)
    return operations


def is_same(folded: OperationState, shown: OperationState, *, max_attempts: int | None) -> bool:
    """Return whether a state may show this where the log amounts to `folded`.

    An operation in flight was pending or failed before it was sent. Without `max_attempts`
    nobody outside can tell failed from permanently failed. A permanently failed operation has
    no next retry, whatever its last mark said.
    """
    if shown.status is OperationStatus.IN_FLIGHT:
        return folded.status in (OperationStatus.PENDING, OperationStatus.FAILED)
    failed = (OperationStatus.FAILED, OperationStatus.PERMANENT_FAILED)
    are_both_failed = folded.status in failed and shown.status in failed
    if folded.status is not shown.status and not (are_both_failed and max_attempts is None):
        return False
    if not are_both_failed:
        return True
    has_retry = shown.status is OperationStatus.FAILED
    is_same_retry = not has_retry or folded.next_retry_at_ms == shown.next_retry_at_ms
    return folded.error == shown.error and is_same_retry


def text(state: OperationState) -> str:
    """Return a state as violations show it, such as `failed, error 'gone', retry at 17`."""
    parts = [state.status.value]
    failed = (OperationStatus.FAILED, OperationStatus.PERMANENT_FAILED)
    if state.error or state.status in failed:
        parts.append(f"error {quoted(state.error)}")
    if state.next_retry_at_ms or state.status is OperationStatus.FAILED:
        parts.append(f"retry at {state.next_retry_at_ms}")
    return ", ".join(parts)
