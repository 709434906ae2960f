"""The reference WAL behind the adapter: what every other subject is measured against.

Its contract follows from its sync policy. `append`: a record is promised when `append` has
returned. `group`: when the next `sync` has. `none`: when `append` has returned, for a kill; a
power loss leaves a prefix.

Damage at rest (`rot`) is reported wherever something durable proves that it is not a torn
tail. Nothing does for the last records of a log that was never applied nor appended to since,
so the contract does not promise to detect it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from walcrash.subjects.adapter import Adapter, DefiniteFailure, EffectSink
from walcrash.subjects.engines.package import one_of
from walcrash.values.contract import Acknowledges, Contract, Damage, PersistenceModel, Promise
from walcrash.values.record import Record
from walcrash.values.recovery import SubjectState
from walcrash.wal import (
    AppendFailed,
    Engine,
    OutboxEntry,
    RetryPolicy,
    Store,
    SyncPolicy,
    ValueRefused,
    WalPoisoned,
    boot,
)


class _EffectTransport:
    """Has the effect and leaves the answer to the marks that the workload appends."""

    __slots__ = ("_effect",)

    def __init__(self, effect: EffectSink) -> None:
        self._effect = effect

    def send(self, operation: OutboxEntry) -> None:
        self._effect(operation.id)


class ReferenceAdapter(Adapter):
    """Drives the reference WAL.

    Args:
        sync: `append`, `group` or `none`.
        max_attempts: failed attempts after which an operation is given up.
        in_flight_timeout_ms: how long an answer to a send is waited for.
    """

    supports = frozenset({"sync", "checkpoint", "apply", "effects", "compact", "reopen"})

    def __init__(
        self, *, sync: str = "append", max_attempts: int = 3, in_flight_timeout_ms: int = 30_000
    ) -> None:
        policies = tuple(policy.value for policy in SyncPolicy)
        self._policy = SyncPolicy(one_of("sync", sync, policies))
        self._retry = RetryPolicy(max_attempts=max_attempts)
        self._timeout_ms = in_flight_timeout_ms
        self._engine: Engine | None = None
        is_group = self._policy is SyncPolicy.GROUP
        is_unsynced = self._policy is SyncPolicy.NONE
        self.contract = Contract(
            acknowledges=Acknowledges.SYNC if is_group else Acknowledges.APPEND,
            kill=Promise.ALL,
            power=Promise.PREFIX if is_unsynced else Promise.ALL,
            model=PersistenceModel.POSIX,
            detects=frozenset({Damage.TORN}),
            max_attempts=max_attempts,
        )

    def open(self, directory: Path, effect: EffectSink) -> None:
        """Boot the WAL; the time is the latest in its records."""
        self._engine = boot(
            directory,
            _EffectTransport(effect),
            sync=self._policy,
            retry=self._retry,
            in_flight_timeout_ms=self._timeout_ms,
        )

    def append(self, record: Record) -> int:
        """Append one record and return its offset."""
        try:
            return self._store.append(record)
        except (ValueRefused, WalPoisoned) as refused:
            raise DefiniteFailure(str(refused)) from refused
        except AppendFailed as failed:
            if failed.is_definite:
                raise DefiniteFailure(str(failed)) from failed
            raise

    def sync(self) -> None:
        """Make everything appended so far durable."""
        self._store.sync()

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        """Yield (offset, record) in append order."""
        return self._store.replay(from_offset)

    def end(self) -> int:
        """Return the offset behind the last record."""
        return self._store.end_offset

    def apply(self) -> int:
        """Save the state, then the checkpoint."""
        return self._store.apply()

    def state(self) -> SubjectState:
        """Return the saved checkpoint, the saved state's offset, and the outbox as it is now."""
        store = self._store
        return SubjectState(store.checkpoint, store.applied_offset, store.outbox.states())

    def tick(self, now_ms: int) -> Sequence[str]:
        """Requeue what timed out and send what is due."""
        return self._opened.tick(now_ms)

    def compact(self) -> None:
        """Drop the records of operations that were done at the checkpoint."""
        self._store.compact()

    def close(self) -> None:
        """Close the WAL and unlock its directory."""
        if self._engine is not None:
            self._engine.store.close()

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the adapter is not open; call `open` first")
        return self._engine

    @property
    def _store(self) -> Store:
        return self._opened.store
