"""The effects of a case: what left the subject, and what it must not send any more.

An operation must not be sent again after its MarkDone is promised, or after the recovery of
this boot has shown it as done. Where a crash may take promised records (`prefix`, `none`), only
what the next recovery shows counts.

Across a crash after which the contract promises nothing, no effect can be judged any more.

Not here: what is wrong with an effect (`effects`).
"""

from collections.abc import Iterable, Mapping

from walcrash.oracle.fold import fold
from walcrash.oracle.log import NOWHERE, Position
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.history import BootEnd, Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus


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

    def call(self, call: Call, position: Position, where: str) -> None:
        """Take in one call."""
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

    def seen(self) -> Mapping[str, str]:
        """Return each id that had an effect which can still be judged, with the first call."""
        return self._seen

    def done_since(self, operation_id: str) -> str | None:
        """Return since when an operation must not be sent again, as a clause; None if it may."""
        if operation_id in self._promised_done:
            return f"its MarkDone was acknowledged in {self._promised_done[operation_id]}"
        return "recovery had shown it as done" if operation_id in self._shown_done else None

    def may_be_sent_since(self, operation_id: str, position: Position) -> bool:
        """Return whether the operation may have been sent after the call at `position`.

        A tick that did not reply may have taken any operation in hand, also one whose effect
        was not seen.
        """
        return max(self._sent_at.get(operation_id, NOWHERE), self._open_tick_at) > position

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
