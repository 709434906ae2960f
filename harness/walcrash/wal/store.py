"""The store: the log, the outbox that it builds, and what of it is saved.

Apply first, then the checkpoint: `apply` makes the log durable, then the state, then the
checkpoint, each of them before the next begins. So after a crash at any point in between
`checkpoint <= applied offset <= end of the log`, all three durable.

Not here: how a directory becomes a store again after a crash (`boot`).

Source: the sync WAL of Vix.cpp.
"""

from collections.abc import Iterator

from walcrash.values.closeable import Closeable
from walcrash.values.record import Record
from walcrash.wal.checkpoint import save_checkpoint
from walcrash.wal.directory import Directory
from walcrash.wal.log import Log
from walcrash.wal.outbox import Outbox
from walcrash.wal.state import SavedState, save_state


class Store(Closeable):
    """An open WAL; `boot` or `open_store` makes one. Not safe to share between threads.

    Attributes:
        log: the records.
        outbox: the operations, as all records up to the end of the log make them.
    """

    __slots__ = ("_applied", "_checkpoint", "_directory", "log", "outbox")

    def __init__(
        self, directory: Directory, log: Log, outbox: Outbox, *, applied: int, checkpoint: int
    ) -> None:
        self._directory = directory
        self._applied = applied
        self._checkpoint = checkpoint
        self.log = log
        self.outbox = outbox

    @property
    def checkpoint(self) -> int:
        """The saved checkpoint: all records below this offset are applied."""
        return self._checkpoint

    @property
    def applied_offset(self) -> int:
        """The offset that the saved state reflects; never below the checkpoint."""
        return self._applied

    @property
    def end_offset(self) -> int:
        """The offset behind the last record."""
        return self.log.end_offset

    def append(self, record: Record) -> int:
        """Append one record, take it into the outbox, and return its offset.

        Raises:
            ValueRefused: the record does not fit the format.
            AppendFailed: it could not be written.
            SyncFailed: it could not be made durable; it may be there or not.
            WalPoisoned: an earlier write or sync failed.
        """
        offset = self.log.append(record)
        self.outbox.fold(offset, record)
        return offset

    def sync(self) -> None:
        """Make every record appended so far durable.

        Raises:
            SyncFailed: none of those since the last sync is promised.
            WalPoisoned: an earlier write or sync failed.
        """
        self.log.sync()

    def replay(self, from_offset: int = 0) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) in append order, from a record's offset; 0 is the start.

        Raises:
            NotABoundary: no record starts there.
            ReplayInterrupted: the log was compacted or closed while this went on.
            DamagedLog: a record went bad after the log was opened.
        """
        return self.log.replay(from_offset)

    def apply(self) -> int:
        """Save the outbox as it is now, then the checkpoint, and return the checkpoint.

        Raises:
            ReplaceFailed: a file could not be written; the old one stands, and so does the WAL.
            SyncFailed: the WAL is poisoned.
            WalPoisoned: an earlier write or sync failed.
        """
        end = self.log.end_offset
        self.log.sync()
        save_state(self._directory, SavedState(end, self.outbox.latest_ms, self.outbox.entries()))
        self._applied = end
        save_checkpoint(self._directory, end)
        self._checkpoint = end
        return end

    def compact(self) -> frozenset[str]:
        """Drop the records of operations that were done at the checkpoint; return their ids.

        The state file keeps such an operation as done until the next `apply`. Boot forgets it
        by the offset in the log's header, so that state and log always agree.

        Raises:
            ReplaceFailed: the new log could not be written; the old one goes on.
            SyncFailed: the WAL is poisoned.
            WalPoisoned: an earlier write or sync failed.
        """
        dropped = self.outbox.done_below(self._checkpoint)
        if dropped:
            self.log.compact(dropped, below=self._checkpoint)
            self.outbox.forget(dropped)
        return dropped

    def close(self) -> None:
        """Make the log durable, close it and unlock the directory; closing twice is allowed.

        Raises:
            SyncFailed: the last records may be lost; it is closed all the same.
        """
        try:
            self.log.close()
        finally:
            self._directory.close()
