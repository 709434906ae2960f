"""Effects: what left the subject for the outside world, and what it may send again.

`effect-before-append`: an effect cannot be taken back, so the PutOperation behind it has to
survive whatever comes after. It is enough that it is there after the crash; whether its
append had replied does not matter. Every effect of a case is held against every recovery that
follows it, except across a crash after which the contract promises nothing.

`repeated-effect`: no effect after the MarkDone is promised, or after the recovery of this boot
has shown it. Where a crash may take promised records (`prefix`, `none`), only what the next
recovery shows counts.

`requeue`: the ticks after the last recovery are told a time far in the future, so everything
that the recovered log leaves pending or failed is due and has to be sent. Without
`max_attempts` in the contract a failed operation may be permanently failed, and a MarkFailed
without a next retry time asks for none; those need not be sent.

Not here: operations that vanish from the state (`state`).
"""

from collections.abc import Iterable, Sequence

from walcrash.oracle.fold import fold
from walcrash.oracle.log import NOWHERE, Position
from walcrash.oracle.wording import explanation, id_text, listing, more
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.history import BootEnd, Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationState, OperationStatus
from walcrash.values.verdict import Invariant, Violation


class EffectWatch:
    """The effects of one case, brought forward call by call and boot by boot."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._seen: dict[str, str] = {}
        self._sent_at: dict[str, Position] = {}
        self._open_tick_at = NOWHERE
        self._promised_done: dict[str, str] = {}
        self._waiting_done: dict[str, str] = {}
        self._shown_done: set[str] = set()

    def call(self, call: Call, position: Position, where: str) -> list[Violation]:
        """Take in one call; judge `repeated-effect` for what was sent during it."""
        violations = [
            item for item in (self._repeated(sent, where) for sent in call.effects) if item
        ]
        for sent in call.effects:
            self._seen.setdefault(sent, where)
            self._sent_at[sent] = position
        is_acknowledged = call.outcome is Outcome.ACKNOWLEDGED
        if call.operation.kind is OperationKind.TICK and not is_acknowledged:
            self._open_tick_at = position
        if call.operation.kind is OperationKind.SYNC and is_acknowledged:
            self._promise_waiting()
        if call.operation.record is not None:
            self._mark(call.operation.record, where, is_acknowledged=is_acknowledged)
        return violations

    def end_boot(self, end: BootEnd) -> None:
        """Take in how a boot ended: which marks still count, which effects can still be judged."""
        power, kill = self._contract.power, self._contract.kill
        promise = power if end is BootEnd.POWER_LOST else kill
        if end is BootEnd.CLOSED:
            self._promise_waiting()
        elif promise is not Promise.ALL:
            self._promised_done.clear()
        if end is not BootEnd.CLOSED and promise is Promise.NONE:
            self._seen.clear()
        self._waiting_done.clear()
        self._shown_done.clear()

    def show(self, records: Iterable[Record]) -> None:
        """Take in what the recovery of the boot under way showed."""
        operations = fold(records, self._contract.max_attempts)
        self._shown_done = {
            operation_id
            for operation_id, state in operations.items()
            if state.status is OperationStatus.DONE
        }

    def check_survived(
        self, puts: set[str], compactable: frozenset[str], where: str
    ) -> list[Violation]:
        """Judge `effect-before-append`; `puts` are the ids whose PutOperation is there."""
        orphans = [item for item in self._seen if item not in puts and item not in compactable]
        if not orphans:
            return []
        message = (
            f"operation {id_text(orphans[0])} had its effect in {self._seen[orphans[0]]}, and "
            f"its PutOperation is not there after the crash{more(len(orphans) - 1, 'not there')}"
        )
        allowed = f"PutOperation {id_text(orphans[0])}"
        found = listing([id_text(item) for item in sorted(puts)])
        return [Violation(Invariant.EFFECT_BEFORE_APPEND, where, message, allowed, found)]

    def may_be_sent_since(self, operation_id: str, position: Position) -> bool:
        """Return whether the operation may have been sent after the call at `position`.

        A tick that did not reply may have taken any operation in hand, also one whose effect
        was not seen.
        """
        return max(self._sent_at.get(operation_id, NOWHERE), self._open_tick_at) > position

    def _repeated(self, sent: str, where: str) -> Violation | None:
        if sent in self._promised_done:
            done = f"its MarkDone was acknowledged in {self._promised_done[sent]}"
        elif sent in self._shown_done:
            done = "recovery had shown it as done"
        else:
            return None
        message = f"operation {id_text(sent)} was sent again: {done}"
        return Violation(Invariant.REPEATED_EFFECT, where, message, "no effect", id_text(sent))

    def _mark(self, record: Record, where: str, *, is_acknowledged: bool) -> None:
        if record.type is RecordType.FAILED:
            self._promised_done.pop(record.id, None)
            self._waiting_done.pop(record.id, None)
            self._shown_done.discard(record.id)
        elif record.type is RecordType.DONE and is_acknowledged:
            is_promised = self._contract.acknowledges is Acknowledges.APPEND
            target = self._promised_done if is_promised else self._waiting_done
            target.setdefault(record.id, where)

    def _promise_waiting(self) -> None:
        for operation_id, where in self._waiting_done.items():
            self._promised_done.setdefault(operation_id, where)
        self._waiting_done.clear()


def check_requeue(
    records: Iterable[Record], calls: Sequence[Call], *, max_attempts: int | None, where: str
) -> list[Violation]:
    """Judge `requeue`: `calls` came after a recovery that showed `records`."""
    ticks = [call for call in calls if call.operation.kind is OperationKind.TICK]
    now_ms = max((call.operation.now_ms or 0 for call in ticks), default=0)
    sent = {operation_id for call in calls for operation_id in call.effects}
    marked = {
        call.operation.record.id
        for call in calls
        if call.operation.record is not None and call.operation.record.type is not RecordType.PUT
    }
    due = [
        operation_id
        for operation_id, state in fold(records, max_attempts).items()
        if operation_id not in marked
        and _is_due(state, now_ms, is_last_known=max_attempts is not None)
    ]
    never_sent = [operation_id for operation_id in due if operation_id not in sent]
    if not never_sent:
        return []
    refused = next((call.error for call in ticks if call.outcome is not Outcome.ACKNOWLEDGED), "")
    message = (
        f"operation {id_text(never_sent[0])} is not done, and {len(ticks)} ticks after recovery "
        f"did not send it{more(len(never_sent) - 1, 'never sent')}"
    )
    if refused:
        message += f"; a tick failed: {explanation(refused)}"
    allowed = listing([id_text(item) for item in due], focus=due.index(never_sent[0]))
    found = listing([id_text(item) for item in due if item in sent])
    return [Violation(Invariant.REQUEUE, where, message, allowed, found)]


def _is_due(state: OperationState, now_ms: int, *, is_last_known: bool) -> bool:
    if state.status is OperationStatus.FAILED:
        return is_last_known and 0 < state.next_retry_at_ms <= now_ms
    return state.status is OperationStatus.PENDING
