"""`requeue`: what is not done is in the state after a boot, and is sent again.

The ticks after the last recovery get a time far in the future, so everything that the recovered
log leaves pending or failed is due and has to be sent. Without `max_attempts` in the contract a
failed operation may be permanently failed, and a MarkFailed without a next retry time asks for
none; those need not be sent.

Not here: whether a send was allowed (`effects`).
"""

from walcrash.oracle.evidence import ShownState, WorkDone
from walcrash.oracle.fold import fold
from walcrash.oracle.state import vanished
from walcrash.oracle.wording import explanation, id_text, listing, more
from walcrash.values.history import Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.recovery import OperationState, OperationStatus
from walcrash.values.verdict import Invariant, Violation


def judge_requeue(evidence: ShownState | WorkDone) -> list[Violation]:
    """Judge that no operation that is not done vanishes, and that the ticks send all of them."""
    match evidence:
        case ShownState(vanishing_breaks=Invariant.REQUEUE):
            return vanished(evidence)
        case WorkDone():
            return _never_sent(evidence)
    return []


def _never_sent(work: WorkDone) -> list[Violation]:
    ticks = [call for call in work.calls if call.operation.kind is OperationKind.TICK]
    if not ticks:
        return []
    due = _due(work, ticks)
    sent = {operation_id for call in work.calls for operation_id in call.effects}
    never_sent = [operation_id for operation_id in due if operation_id not in sent]
    if not never_sent:
        return []
    message = (
        f"operation {id_text(never_sent[0])} is not done, and {len(ticks)} ticks after recovery "
        f"did not send it{more(len(never_sent) - 1, 'never sent')}"
    )
    refused = next((call.error for call in ticks if call.outcome is not Outcome.ACKNOWLEDGED), "")
    if refused:
        message += f"; a tick failed: {explanation(refused)}"
    allowed = listing([id_text(item) for item in due], focus=due.index(never_sent[0]))
    found = listing([id_text(item) for item in due if item in sent])
    return [Violation(Invariant.REQUEUE, work.where, message, allowed, found)]


def _due(work: WorkDone, ticks: list[Call]) -> list[str]:
    """Return what the ticks had to send: operations that nobody marked in the meantime."""
    now_ms = max(call.operation.now_ms or 0 for call in ticks)
    marked = {
        call.operation.record.id
        for call in work.calls
        if call.operation.record is not None and call.operation.record.type is not RecordType.PUT
    }
    return [
        operation_id
        for operation_id, state in fold(work.records, work.max_attempts).items()
        if operation_id not in marked
        and _is_due(state, now_ms, is_last_known=work.max_attempts is not None)
    ]


def _is_due(state: OperationState, now_ms: int, *, is_last_known: bool) -> bool:
    if state.status is OperationStatus.FAILED:
        return is_last_known and 0 < state.next_retry_at_ms <= now_ms
    return state.status is OperationStatus.PENDING
