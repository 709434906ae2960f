"""The outbox: what the records say of each operation, in the order in which they were put.

`fold` is pure: one operation's entry and one record in, its next entry out. The last record of
an id wins. Marks of an id that was never put are ignored. That an operation is in flight is no
record's word but the engine's; it lies over what the records say, and any record of the
operation, or a requeue, takes it away again.

Not here: where the entries are kept (`state`), and who sends (`engine`).

Source: the outbox of the Vix.cpp sync engine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationState, OperationStatus
from walcrash.wal.errors import UnknownOperation
from walcrash.wal.layout import TIME_MS_MAX, TIME_MS_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed operation is tried again.

    Attributes:
        max_attempts: failed attempts after which it is abandoned.
        base_delay_ms: the wait after the first failed attempt.
        factor: how much longer each wait is than the one before.
    """

    max_attempts: int = 3
    base_delay_ms: int = 1_000
    factor: int = 2

    def next_retry_at_ms(self, now_ms: int, attempts: int) -> int:
        """Return when to try again after so many failed attempts, the one just failed included.

        It is 0 where there is no further attempt.
        """
        if attempts >= self.max_attempts:
            return 0
        delay_ms: int = self.base_delay_ms * self.factor ** max(0, attempts - 1)
        return min(now_ms + delay_ms, TIME_MS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """One operation.

    Attributes:
        id: its id.
        payload: what is to be sent.
        ts_ms: when it was put.
        last: the type of its last record.
        last_offset: where that record was when it was folded.
        attempts: how many attempts failed since it was put.
        error: why the last one failed; empty unless the last record is `MarkFailed`.
        next_retry_at_ms: when to try again; 0 unless the last record is `MarkFailed`.
        in_flight_since_ms: when it was sent, while no answer has come; else None.
    """

    id: str
    payload: bytes
    ts_ms: int
    last: RecordType
    last_offset: int
    attempts: int = 0
    error: str = ""
    next_retry_at_ms: int = 0
    in_flight_since_ms: int | None = None


def fold(entry: OutboxEntry | None, offset: int, record: Record) -> OutboxEntry | None:
    """Return what an operation is after one more of its records.

    Args:
        entry: what it was; None if it was never put.
        offset: where the record starts.
        record: the record.
    """
    if record.type is RecordType.PUT:
        return OutboxEntry(
            id=record.id,
            payload=record.payload,
            ts_ms=record.ts_ms,
            last=RecordType.PUT,
            last_offset=offset,
        )
    if entry is None:
        return None
    is_failed = record.type is RecordType.FAILED
    return replace(
        entry,
        last=record.type,
        last_offset=offset,
        attempts=entry.attempts + is_failed,
        error=record.error if is_failed else "",
        next_retry_at_ms=record.next_retry_at_ms if is_failed else 0,
        in_flight_since_ms=None,
    )


class Outbox:
    """All operations by id, in put order.

    Attributes:
        retry: the policy that decides when an operation is abandoned.
        latest_ms: the latest time that any record has had.
    """

    __slots__ = ("_entries", "latest_ms", "retry")

    def __init__(
        self,
        retry: RetryPolicy,
        *,
        entries: Iterable[OutboxEntry] = (),
        latest_ms: int = TIME_MS_MIN,
    ) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self.retry = retry
        self.latest_ms = latest_ms

    def fold(self, offset: int, record: Record) -> None:
        """Take in one record; each once, in log order."""
        self.latest_ms = max(self.latest_ms, record.ts_ms)
        if record.type is RecordType.PUT:
            # An id that is put anew goes to the end of the put order.
            self._entries.pop(record.id, None)
        entry = fold(self._entries.get(record.id), offset, record)
        if entry is not None:
            self._entries[record.id] = entry

    def entry(self, operation_id: str) -> OutboxEntry:
        """Return one operation.

        Raises:
            UnknownOperation: it was never put, or was done and compacted away.
        """
        try:
            return self._entries[operation_id]
        except KeyError:
            raise UnknownOperation(
                f"the outbox has no operation {operation_id!r}",
                hint="append its PutOperation first",
            ) from None

    def entries(self) -> tuple[OutboxEntry, ...]:
        """Return all operations in put order."""
        return tuple(self._entries.values())

    def status(self, entry: OutboxEntry) -> OperationStatus:
        """Return where an operation stands."""
        if entry.in_flight_since_ms is not None:
            return OperationStatus.IN_FLIGHT
        if entry.last is RecordType.PUT:
            return OperationStatus.PENDING
        if entry.last is RecordType.DONE:
            return OperationStatus.DONE
        if entry.attempts >= self.retry.max_attempts:
            return OperationStatus.PERMANENT_FAILED
        return OperationStatus.FAILED

    def states(self) -> Mapping[str, OperationState]:
        """Return where every operation stands, by id, in put order."""
        return {entry.id: self._state(entry) for entry in self._entries.values()}

    def due(self, now_ms: int) -> tuple[OutboxEntry, ...]:
        """Return what is to be sent now, in put order: pending, or failed and due again."""
        return tuple(
            entry
            for entry in self._entries.values()
            if (status := self.status(entry)) is OperationStatus.PENDING
            or (status is OperationStatus.FAILED and entry.next_retry_at_ms <= now_ms)
        )

    def mark_in_flight(self, operation_id: str, now_ms: int) -> OutboxEntry:
        """Note that an operation is being sent, and return it.

        Raises:
            UnknownOperation: there is none of that id.
        """
        entry = replace(self.entry(operation_id), in_flight_since_ms=now_ms)
        self._entries[operation_id] = entry
        return entry

    def requeue(self, now_ms: int, *, timeout_ms: int) -> tuple[str, ...]:
        """Take operations back that have been in flight for longer than the timeout.

        Each stands again where its records put it, and is due again at once or, after a failed
        attempt, at its time of retry, which had passed when it was sent.
        """
        stale = tuple(
            entry
            for entry in self._entries.values()
            if entry.in_flight_since_ms is not None
            and now_ms - entry.in_flight_since_ms > timeout_ms
        )
        for entry in stale:
            self._entries[entry.id] = replace(entry, in_flight_since_ms=None)
        return tuple(entry.id for entry in stale)

    def done_below(self, offset: int) -> frozenset[str]:
        """Return the ids of operations done below an offset and not mentioned since."""
        return frozenset(
            entry.id
            for entry in self._entries.values()
            if entry.last is RecordType.DONE and entry.last_offset < offset
        )

    def forget(self, ids: Iterable[str]) -> None:
        """Drop operations whose records compaction has dropped."""
        for operation_id in ids:
            self._entries.pop(operation_id, None)

    def _state(self, entry: OutboxEntry) -> OperationState:
        status = self.status(entry)
        has_retry = status is OperationStatus.FAILED
        return OperationState(status, entry.error, entry.next_retry_at_ms if has_retry else 0)
