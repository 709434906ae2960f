"""The boot sequence: from whatever a crash left to an engine that ticks, in five steps.

1. Load the checkpoint, and the state that it speaks of.
2. Replay the log from the checkpoint.
3. Rebuild the outbox and the index of offsets; what the state already reflects is not counted
   again.
4. Requeue operations that have been in flight for longer than the timeout.
5. Start the engine.

It reads no clock, no random number and no environment: the same directory gives the same store.

Source: the recovery of the Vix.cpp sync WAL.
"""

from pathlib import Path

from walcrash.wal.checkpoint import load_checkpoint
from walcrash.wal.directory import CHECKPOINT_NAME, Directory
from walcrash.wal.engine import IN_FLIGHT_TIMEOUT_MS, Engine, Transport
from walcrash.wal.errors import DamagedFile, NotABoundary
from walcrash.wal.layout import Frame, LogHeader, decode_record
from walcrash.wal.log import Log, SyncPolicy
from walcrash.wal.outbox import Outbox, RetryPolicy
from walcrash.wal.state import SavedState, load_state
from walcrash.wal.store import Store


def boot(
    directory: Path,
    transport: Transport,
    *,
    sync: SyncPolicy = SyncPolicy.APPEND,
    retry: RetryPolicy | None = None,
    in_flight_timeout_ms: int = IN_FLIGHT_TIMEOUT_MS,
    now_ms: int | None = None,
) -> Engine:
    """Recover a directory (an empty one is a new store) and return an engine over it.

    Args:
        directory: the directory; it is made if its parent is there.
        transport: what carries operations to their effect.
        sync: when a record is durable.
        retry: when a failed operation is tried again; None takes the default policy.
        in_flight_timeout_ms: how long an answer is waited for.
        now_ms: the time, milliseconds since the epoch; None takes the latest in the records.

    Raises:
        DirectoryBusy: somebody else has it open.
        DamagedLog: records that were durable are not valid; nothing was changed.
        DamagedFile: the checkpoint or the state is damaged; nothing was changed.
        UnsupportedVersion: a later version wrote a file.
        SyncFailed: what was found could not be made durable.
    """
    store = open_store(
        directory,
        sync=sync,
        retry=retry,
        in_flight_timeout_ms=in_flight_timeout_ms,
        now_ms=now_ms,
    )
    return Engine(store, transport, in_flight_timeout_ms=in_flight_timeout_ms)


def open_store(
    directory: Path,
    *,
    sync: SyncPolicy = SyncPolicy.APPEND,
    retry: RetryPolicy | None = None,
    in_flight_timeout_ms: int = IN_FLIGHT_TIMEOUT_MS,
    now_ms: int | None = None,
) -> Store:
    """Take the first four steps of `boot`, for those who send nothing; same arguments."""
    opened = Directory.open(Path(directory))
    log: Log | None = None
    try:
        checkpoint, saved = _load(opened)
        outbox = Outbox(retry or RetryPolicy(), entries=saved.entries, latest_ms=saved.latest_ms)
        rebuild = _Rebuild(outbox, checkpoint, saved.applied_offset)
        log = Log.open(opened, policy=sync, floor=saved.applied_offset, take=rebuild.take)
        rebuild.forget_compacted(log.compacted_below)
        _check_offsets(opened, log, checkpoint, saved)
    except BaseException:
        if log is not None:
            log.close()
        opened.close()
        raise
    outbox.requeue(outbox.latest_ms if now_ms is None else now_ms, timeout_ms=in_flight_timeout_ms)
    return Store(opened, log, outbox, applied=saved.applied_offset, checkpoint=checkpoint)


def _load(opened: Directory) -> tuple[int, SavedState]:
    """Step 1: the checkpoint and the state, which is never behind it."""
    checkpoint = load_checkpoint(opened)
    saved = load_state(opened)
    if checkpoint > saved.applied_offset:
        raise DamagedFile(
            f"open {opened.path}: the checkpoint is {checkpoint}, but the outbox state reflects "
            f"only {saved.applied_offset}",
            hint="restore the directory from a copy; nothing was changed",
        )
    return checkpoint, saved


def _check_offsets(opened: Directory, log: Log, checkpoint: int, saved: SavedState) -> None:
    """Refuse a checkpoint or a state of another log."""
    problem = ""
    if checkpoint < log.compacted_below:
        problem = f"the log was compacted at {log.compacted_below}"
    for offset in (checkpoint, saved.applied_offset):
        try:
            log.require_boundary(offset or log.base_offset)
        except NotABoundary as bad:
            problem = bad.message
    if problem:
        raise DamagedFile(
            f"open {opened.name(CHECKPOINT_NAME)}: the checkpoint is {checkpoint}, the state "
            f"reflects {saved.applied_offset}: {problem}",
            hint="restore the directory from a copy; nothing was applied",
        )


class _Rebuild:
    """Steps 2 and 3, while the log is read: fold what the state does not yet reflect.

    The state may be older than the last compaction. The operations that compaction dropped are
    forgotten where it happened: behind the log's end at that time, before any later record.
    """

    def __init__(self, outbox: Outbox, checkpoint: int, applied: int) -> None:
        self._outbox = outbox
        self._checkpoint = checkpoint
        self._applied = applied
        self._has_forgotten = False

    def take(self, header: LogHeader, frame: Frame, body: bytes) -> None:
        if frame.offset < self._checkpoint:
            return
        if not self._has_forgotten and frame.offset >= header.sealed_offset:
            self.forget_compacted(header.compacted_below)
        if frame.offset >= self._applied:
            self._outbox.fold(frame.offset, decode_record(frame, body))

    def forget_compacted(self, compacted_below: int) -> None:
        """Forget what compaction dropped, unless that has been done."""
        if not self._has_forgotten:
            self._outbox.forget(self._outbox.done_below(compacted_below))
            self._has_forgotten = True
