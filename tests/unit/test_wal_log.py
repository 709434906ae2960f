"""The log: offsets, order, boundaries, sync policies, and writes that fail."""

import errno
import os
from pathlib import Path

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.wal import (
    AppendFailed,
    DirectoryBusy,
    NotABoundary,
    ReplayInterrupted,
    Store,
    SyncFailed,
    SyncPolicy,
    ValueRefused,
    WalClosed,
    WalPoisoned,
    open_store,
)


def put(number: int, payload: bytes = b"payload") -> Record:
    return Record(RecordType.PUT, f"op-{number}", number, payload)


def records(store: Store, from_offset: int = 0) -> list[Record]:
    return [record for _, record in store.replay(from_offset)]


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Count calls of a function of `os`."""
    calls: list[int] = []
    real = getattr(os, name)

    def call(fd: int, *arguments: object) -> object:
        calls.append(fd)
        return real(fd, *arguments)

    monkeypatch.setattr(os, name, call)
    return calls


def failing(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize(
    "record",
    [
        Record(RecordType.PUT, "", 0),
        Record(RecordType.PUT, "op\n\0\u00e9\U0001f600\ud800", -(1 << 63), bytes(range(256)) * 40),
        Record(RecordType.DONE, "op-1", (1 << 63) - 1),
        Record(RecordType.FAILED, "op-1", 5, error="no\udfff route", next_retry_at_ms=-7),
    ],
)
def test_a_record_comes_back_as_it_was_appended(tmp_path: Path, record: Record) -> None:
    with open_store(tmp_path) as store:
        offset = store.append(record)
        assert list(store.replay()) == [(offset, record)]
    with open_store(tmp_path) as store:
        assert list(store.replay()) == [(offset, record)]
        assert store.log.torn_tail is None


def test_replay_starts_at_every_boundary_and_nowhere_else(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        offsets = [store.append(put(number)) for number in range(4)]
        boundaries = [*offsets, store.end_offset]
        for offset in range(store.end_offset + 3):
            if offset in boundaries:
                assert len(records(store, offset)) == 4 - boundaries.index(offset)
            else:
                with pytest.raises(NotABoundary):
                    store.replay(offset)


def test_a_wrong_offset_is_answered_with_the_nearest_boundaries(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        first, second = store.append(put(1)), store.append(put(2))
        with pytest.raises(NotABoundary, match=f"before it is {first}, the next is {second}"):
            store.replay(second - 1)
        with pytest.raises(NotABoundary, match=f"the log ends at {store.end_offset}"):
            store.replay(10_000)


def test_a_replay_shows_what_was_there_when_it_began(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.append(put(1))
        replay = store.replay()
        store.append(put(2))
        assert [record.id for _, record in replay] == ["op-1"]


def test_an_append_is_one_write_and_with_the_append_policy_one_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path) as store:
        writes, syncs = counted(monkeypatch, "pwrite"), counted(monkeypatch, "fdatasync")
        store.append(put(1, bytes(10_000)))
        assert (len(writes), len(syncs)) == (1, 1)
        store.sync()
        assert len(syncs) == 1


@pytest.mark.parametrize("policy", [SyncPolicy.GROUP, SyncPolicy.NONE])
def test_other_policies_sync_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: SyncPolicy
) -> None:
    with open_store(tmp_path, sync=policy) as store:
        syncs = counted(monkeypatch, "fdatasync")
        store.append(put(1))
        assert not syncs
        assert store.log.synced_offset == 0
        store.sync()
        assert len(syncs) == 1
        assert store.log.synced_offset == store.end_offset


def test_a_directory_is_open_once_at_a_time_and_free_again_after_close(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(DirectoryBusy):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    with open_store(tmp_path / "new") as store:
        store.append(put(1))
    with open_store(tmp_path / "new") as store:
        assert records(store) == [put(1)]


def test_a_closed_store_refuses_and_closes_again_without_a_word(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(put(1))
    replay = store.replay()
    store.close()
    store.close()
    for call in (store.sync, store.replay, store.apply, lambda: store.append(put(2))):
        with pytest.raises(WalClosed):
            call()
    with pytest.raises(ReplayInterrupted):
        list(replay)


@pytest.mark.parametrize(
    "record",
    [
        Record(RecordType.PUT, "x" * 65_537, 0),
        Record(RecordType.PUT, "op", 1 << 63),
        Record(RecordType.FAILED, "op", 0, next_retry_at_ms=-(1 << 63) - 1),
        Record(RecordType.FAILED, "op", 0, error="x" * (1024 * 1024 + 1)),
    ],
)
def test_a_record_that_does_not_fit_is_refused_and_nothing_is_written(
    tmp_path: Path, record: Record
) -> None:
    with open_store(tmp_path) as store:
        with pytest.raises(ValueRefused):
            store.append(record)
        assert store.end_offset == 0
        store.append(put(1))
        assert records(store) == [put(1)]


def test_a_short_write_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    with open_store(tmp_path) as store:
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:7], at))
        store.append(put(1))
        monkeypatch.undo()
        assert records(store) == [put(1)]


def test_a_full_disk_refuses_one_append_and_hides_no_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def full(fd: int, data: bytes, position: int) -> int:
        if len(data) > 20:
            return real(fd, data[:20], position)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with open_store(tmp_path) as store:
        store.append(put(1))
        end = store.end_offset
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(AppendFailed) as refused:
            store.append(put(2, b""))
        monkeypatch.undo()
        assert refused.value.is_definite
        assert store.end_offset == end
        assert store.append(put(3)) == end
    with open_store(tmp_path) as store:
        assert records(store) == [put(1), put(3)]
        assert store.log.torn_tail is None


def test_an_append_that_cannot_be_cut_back_poisons_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    failing(monkeypatch, "pwrite", errno.EIO)
    failing(monkeypatch, "ftruncate", errno.EIO)
    with pytest.raises(AppendFailed) as refused:
        store.append(put(1))
    assert not refused.value.is_definite
    monkeypatch.undo()
    with pytest.raises(WalPoisoned):
        store.append(put(2))
    store.close()


def test_nothing_is_believed_after_a_failed_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    store.append(put(1))
    failing(monkeypatch, "fdatasync", errno.EIO)
    with pytest.raises(SyncFailed):
        store.append(put(2))
    monkeypatch.undo()
    for call in (store.sync, store.apply, lambda: store.append(put(3))):
        with pytest.raises(WalPoisoned):
            call()
    assert records(store) == [put(1)]
    store.close()
    with open_store(tmp_path) as store:
        store.append(put(3))
        assert records(store) in ([put(1), put(3)], [put(1), put(2), put(3)])


def test_open_writes_again_what_nothing_proves_to_be_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path) as store:
        store.append(put(1))
        last = store.append(put(2))
        end = store.end_offset
    seen: list[int] = []
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda *a: seen.append(len(a[1])) or real(*a))
    with open_store(tmp_path) as store:
        assert seen == [end - last]
        assert records(store) == [put(1), put(2)]
