"""Boot, apply and compaction: what a next life sees."""

import errno
import os
import pickle
from pathlib import Path

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.wal import (
    DamagedLog,
    Outbox,
    ReplaceFailed,
    ReplayInterrupted,
    RetryPolicy,
    Store,
    SyncPolicy,
    WalPoisoned,
    open_store,
)
from walcrash.wal.layout import LOG_HEADER_BYTES


def put(number: int) -> Record:
    return Record(RecordType.PUT, f"op-{number}", number, b"x" * number)


def done(number: int) -> Record:
    return Record(RecordType.DONE, f"op-{number}", 100 + number)


def failed(number: int, ts_ms: int = 200) -> Record:
    return Record(RecordType.FAILED, f"op-{number}", ts_ms, error="why", next_retry_at_ms=300)


def filled(store: Store, *records: Record) -> list[int]:
    return [store.append(record) for record in records]


def folded(store: Store) -> Outbox:
    outbox = Outbox(store.outbox.retry)
    for offset, record in store.replay():
        outbox.fold(offset, record)
    return outbox


def test_apply_saves_the_state_before_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    real = os.rename
    with open_store(tmp_path) as store:
        filled(store, put(1), put(2))
        monkeypatch.setattr(
            os, "rename", lambda a, b: renamed.append(os.path.basename(b)) or real(a, b)
        )
        assert store.apply() == store.checkpoint == store.applied_offset == store.end_offset
    assert renamed == ["outbox.state", "checkpoint"]


def test_attempts_are_not_counted_twice_after_a_crash_between_state_and_checkpoint(
    tmp_path: Path,
) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1))
        checkpoint = store.apply()
        old = (tmp_path / "checkpoint").read_bytes()
        filled(store, failed(1, 200), failed(1, 201))
        applied = store.apply()
    (tmp_path / "checkpoint").write_bytes(old)
    with open_store(tmp_path) as store:
        assert (store.checkpoint, store.applied_offset) == (checkpoint, applied)
        assert store.outbox.entry("op-1").attempts == 2
        assert store.outbox.states() == folded(store).states()


def test_the_policy_of_this_boot_decides_and_not_the_one_that_saved_the_state(
    tmp_path: Path,
) -> None:
    with open_store(tmp_path, retry=RetryPolicy(max_attempts=1)) as store:
        filled(store, put(1), failed(1))
        store.apply()
        assert store.outbox.states()["op-1"].status is OperationStatus.PERMANENT_FAILED
    with open_store(tmp_path, retry=RetryPolicy(max_attempts=2)) as store:
        assert store.outbox.states()["op-1"].status is OperationStatus.FAILED


@pytest.mark.parametrize(
    ("now_ms", "status"),
    [(None, OperationStatus.PENDING), (150, OperationStatus.IN_FLIGHT)],
)
def test_boot_requeues_what_was_in_flight_too_long_by_the_records_time_or_the_callers(
    tmp_path: Path, now_ms: int | None, status: OperationStatus
) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), put(2))
        store.outbox.mark_in_flight("op-1", 100)
        store.apply()
        filled(store, Record(RecordType.DONE, "op-2", 151))
    with open_store(tmp_path, in_flight_timeout_ms=50, now_ms=now_ms) as store:
        assert store.outbox.states()["op-1"].status is status


def test_an_operation_in_flight_that_was_not_saved_is_due_again_after_a_crash(
    tmp_path: Path,
) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1))
        store.outbox.mark_in_flight("op-1", 100)
    with open_store(tmp_path) as store:
        assert [entry.id for entry in store.outbox.due(100)] == ["op-1"]


def test_left_over_temporary_files_are_removed(tmp_path: Path) -> None:
    for name in ("wal.log.tmp", "outbox.state.tmp", "checkpoint.tmp"):
        (tmp_path / name).write_bytes(b"half")
    with open_store(tmp_path):
        assert sorted(os.listdir(tmp_path)) == ["wal.log"]


def test_compaction_drops_done_and_applied_operations_and_nothing_else(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), put(2), done(1), failed(2), put(3), done(99))
        checkpoint = store.apply()
        tail = filled(store, done(3), put(4))
        assert store.compact() == {"op-1"}
        kept = [put(2), failed(2), put(3), done(99), done(3), put(4)]
        assert [record for _, record in store.replay()] == kept
        assert [offset for offset, _ in store.replay(checkpoint)] == tail
        assert store.outbox.states() == folded(store).states()
        new = store.append(put(5))
    with open_store(tmp_path) as store:
        assert [record for _, record in store.replay()] == [*kept, put(5)]
        assert store.checkpoint == checkpoint
        assert store.log.end_offset > new
        assert store.outbox.states() == folded(store).states()


def test_compaction_of_everything_leaves_an_empty_log_that_goes_on_at_its_end(
    tmp_path: Path,
) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), done(1))
        end = store.apply()
        store.compact()
        assert (store.log.base_offset, store.end_offset) == (end, end)
        assert list(store.replay()) == []
        assert store.append(put(2)) == end
    with open_store(tmp_path) as store:
        assert list(store.replay()) == [(end, put(2))]


def test_compaction_keeps_what_is_longer_than_its_buffer(tmp_path: Path) -> None:
    large = [Record(RecordType.PUT, f"large-{n}", n, bytes([n]) * 700_000) for n in range(4)]
    with open_store(tmp_path, sync=SyncPolicy.NONE) as store:
        filled(store, put(1), done(1), *large)
        store.apply()
        store.compact()
    with open_store(tmp_path) as store:
        assert [record for _, record in store.replay()] == large


def test_an_operation_mentioned_after_the_checkpoint_is_kept(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), done(1))
        store.apply()
        filled(store, failed(1))
        assert store.compact() == frozenset()
        assert store.outbox.states() == folded(store).states()


def test_a_dropped_operation_stays_dropped_when_the_state_is_older_than_the_compaction(
    tmp_path: Path,
) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), done(1), put(2))
        store.apply()
        store.compact()
        filled(store, failed(1), put(3))
        assert list(store.outbox.states()) == ["op-2", "op-3"]
    with open_store(tmp_path) as store:
        assert list(store.outbox.states()) == ["op-2", "op-3"]
        store.apply()
    with open_store(tmp_path) as store:
        assert list(store.outbox.states()) == ["op-2", "op-3"]


def test_damage_in_a_compacted_log_is_no_torn_tail(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), done(1))
        store.apply()
        filled(store, put(2))
        store.compact()
    path = tmp_path / "wal.log"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedLog):
        open_store(tmp_path)


def test_a_replay_under_way_is_interrupted_by_compaction(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), done(1), put(2))
        store.apply()
        replay = store.replay()
        next(replay)
        store.compact()
        with pytest.raises(ReplayInterrupted):
            next(replay)


def test_a_full_disk_stops_apply_and_compact_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), done(1))
        checkpoint = store.apply()
        filled(store, put(2))

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "pwrite", full)
        for call in (store.apply, store.compact):
            with pytest.raises(ReplaceFailed):
                call()
        monkeypatch.undo()
        assert store.checkpoint == checkpoint
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
        store.append(put(3))
        assert store.apply() == store.end_offset
        assert store.compact() == {"op-1"}


def test_a_failed_sync_of_the_directory_poisons_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    filled(store, put(1))
    real = os.fsync

    def fail(fd: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Exception, match="sync"):
        store.apply()
    monkeypatch.undo()
    assert not (tmp_path / "checkpoint").exists()
    with pytest.raises(WalPoisoned):
        store.append(put(2))
    store.close()
    with open_store(tmp_path) as store:
        assert store.outbox.states() == folded(store).states()


def test_errors_keep_their_attributes_between_processes(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        filled(store, put(1), put(2), put(3))
    path = tmp_path / "wal.log"
    data = bytearray(path.read_bytes())
    data[LOG_HEADER_BYTES] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedLog) as refused:
        open_store(tmp_path)
    again = pickle.loads(pickle.dumps(refused.value))
    assert (again.offset, again.next_good_offset) == (0, refused.value.next_good_offset)
    assert str(again) == str(refused.value)
