"""The engine: sends what is due, one tick at a time, and notes how each attempt ended.

Append before every external effect: an operation is in the outbox only once its record is in
the log, and a tick makes that record durable before it sends, whatever the sync policy. An
operation whose answer never came is sent again after the timeout: at least once, not once.

The clock is the caller's: every time is passed in.

Source: the sync engine of Vix.cpp.
"""

from dataclasses import dataclass
from typing import Protocol

from walcrash.values.closeable import Closeable
from walcrash.values.record import Record, RecordType
from walcrash.wal.layout import require_time
from walcrash.wal.log import SyncPolicy
from walcrash.wal.outbox import OutboxEntry
from walcrash.wal.store import Store

# limits

IN_FLIGHT_TIMEOUT_MS = 30_000
"""How long an answer is waited for, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The operation's effect has happened; the engine appends `MarkDone`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; the engine appends `MarkFailed` with the policy's next retry.

    Attributes:
        error: why.
    """

    error: str


class Transport(Protocol):
    """Carries operations to wherever they have their effect."""

    def send(self, operation: OutboxEntry) -> Sent | Failed | None:
        """Send one operation and say how it went.

        None means that the answer comes later: by `Engine.complete` or `Engine.fail`, or by a
        mark appended to the store. An exception leaves the operation in flight, since nobody
        knows how far it got, and ends the tick.
        """


class Engine(Closeable):
    """Ticks over one store.

    Attributes:
        store: the store; append `PutOperation` records to it.
    """

    __slots__ = ("_timeout_ms", "_transport", "store")

    def __init__(
        self,
        store: Store,
        transport: Transport,
        *,
        in_flight_timeout_ms: int = IN_FLIGHT_TIMEOUT_MS,
    ) -> None:
        self.store = store
        self._transport = transport
        self._timeout_ms = in_flight_timeout_ms

    def close(self) -> None:
        """Close the store.

        Raises:
            SyncFailed: as `Store.close`.
        """
        self.store.close()

    def tick(self, now_ms: int) -> tuple[str, ...]:
        """Requeue what timed out, send what is due, and return the ids sent, in put order.

        Args:
            now_ms: the time, milliseconds since the epoch.

        Raises:
            ValueRefused: the time does not fit into 64 bits; nothing was sent.
            SyncFailed: what is due could not be made durable; nothing was sent.
            WalPoisoned: an earlier write or sync failed; nothing was sent.
        """
        require_time("now_ms", now_ms)
        self.store.log.check()
        self.store.outbox.requeue(now_ms, timeout_ms=self._timeout_ms)
        due = self.store.outbox.due(now_ms)
        if due and self.store.log.policy is not SyncPolicy.APPEND:
            # An effect cannot be taken back, whatever the policy lets a power loss take.
            self.store.sync()
        for entry in due:
            self._send(entry, now_ms)
        return tuple(entry.id for entry in due)

    def complete(self, operation_id: str, ts_ms: int) -> int:
        """Append `MarkDone` for an operation and return the record's offset.

        Raises:
            UnknownOperation: there is none of that id.
            WalError: as `Store.append`.
        """
        self.store.outbox.entry(operation_id)
        return self.store.append(Record(RecordType.DONE, operation_id, ts_ms))

    def fail(self, operation_id: str, error: str, ts_ms: int) -> int:
        """Append `MarkFailed` for an operation and return the record's offset.

        The next retry follows from the retry policy and the attempts so far.

        Raises:
            UnknownOperation: there is none of that id.
            WalError: as `Store.append`.
        """
        attempts = self.store.outbox.entry(operation_id).attempts + 1
        retry_ms = self.store.outbox.retry.next_retry_at_ms(ts_ms, attempts)
        return self.store.append(
            Record(
                RecordType.FAILED,
                operation_id,
                ts_ms,
                error=error,
                next_retry_at_ms=retry_ms,
            )
        )

    def _send(self, entry: OutboxEntry, now_ms: int) -> None:
        # In flight before it is sent: if `send` raises, the effect may still have happened.
        answer = self._transport.send(self.store.outbox.mark_in_flight(entry.id, now_ms))
        if isinstance(answer, Sent):
            self.complete(entry.id, now_ms)
        elif isinstance(answer, Failed):
            self.fail(entry.id, answer.error, now_ms)
