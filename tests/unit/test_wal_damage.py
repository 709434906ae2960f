"""What open makes of bytes that are not what was written: a torn tail, or damage."""

import shutil
from pathlib import Path

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.wal import (
    DamagedFile,
    DamagedLog,
    SyncPolicy,
    UnsupportedVersion,
    WalError,
    open_store,
)
from walcrash.wal.layout import LOG_HEADER_BYTES, LogHeader, encode_record

RECORDS = [
    Record(RecordType.PUT, "op-1", 1, b"first"),
    Record(RecordType.PUT, "op-2", 2, b"second"),
    Record(RecordType.FAILED, "op-1", 3, error="why", next_retry_at_ms=9),
]


@pytest.fixture
def offsets(tmp_path: Path) -> list[int]:
    """Three records, each durable before the next; the offset of each, and the end."""
    with open_store(tmp_path) as store:
        return [*(store.append(record) for record in RECORDS), store.end_offset]


def shown(directory: Path) -> list[Record]:
    with open_store(directory) as store:
        return [record for _, record in store.replay()]


def flip(path: Path, position: int, mask: int = 0x10) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(data)


def test_a_last_record_torn_at_any_byte_is_cut_and_reported(
    tmp_path: Path, offsets: list[int]
) -> None:
    log = tmp_path / "wal.log"
    whole = log.read_bytes()
    for length in range(LOG_HEADER_BYTES + offsets[2] + 1, len(whole)):
        log.write_bytes(whole[:length])
        with open_store(tmp_path) as store:
            assert store.log.torn_tail is not None
            assert store.log.torn_tail.offset == offsets[2]
            assert store.log.torn_tail.length_bytes == length - LOG_HEADER_BYTES - offsets[2]
            assert log.stat().st_size == LOG_HEADER_BYTES + offsets[2]
            store.append(RECORDS[2])
        assert shown(tmp_path) == RECORDS


@pytest.mark.parametrize("garbage", [bytes(1), bytes(5000), b"\xf7REC" * 50, b"\xff" * 700])
def test_zeros_and_rubbish_behind_the_end_are_cut(
    tmp_path: Path, offsets: list[int], garbage: bytes
) -> None:
    log = tmp_path / "wal.log"
    whole = log.read_bytes()
    log.write_bytes(whole + garbage)
    assert shown(tmp_path) == RECORDS
    assert log.read_bytes() == whole


def test_a_flipped_bit_anywhere_before_the_last_record_is_damage_and_changes_nothing(
    tmp_path: Path, offsets: list[int]
) -> None:
    log = tmp_path / "wal.log"
    whole = log.read_bytes()
    for position in range(LOG_HEADER_BYTES + offsets[2]):
        flip(log, position)
        damaged = log.read_bytes()
        with pytest.raises((DamagedLog, UnsupportedVersion)) as refused:
            open_store(tmp_path)
        assert log.read_bytes() == damaged
        if position >= LOG_HEADER_BYTES and isinstance(refused.value, DamagedLog):
            bad = max(o for o in offsets if o <= position - LOG_HEADER_BYTES)
            assert refused.value.offset == bad
            assert refused.value.next_good_offset == offsets[offsets.index(bad) + 1]
        log.write_bytes(whole)
    assert shown(tmp_path) == RECORDS


def test_a_flipped_bit_in_the_last_record_is_never_returned_as_data(
    tmp_path: Path, offsets: list[int]
) -> None:
    log = tmp_path / "wal.log"
    whole = log.read_bytes()
    for position in range(LOG_HEADER_BYTES + offsets[2], len(whole)):
        flip(log, position)
        assert shown(tmp_path) == RECORDS[:2]
        log.write_bytes(whole)


def test_the_last_record_is_damaged_and_not_torn_once_it_was_applied(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        last = [store.append(record) for record in RECORDS][-1]
        store.apply()
    flip(tmp_path / "wal.log", LOG_HEADER_BYTES + last + 20)
    with pytest.raises(DamagedLog, match="no valid record follows"):
        open_store(tmp_path)


def test_a_log_that_ends_before_its_checkpoint_is_damaged(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        last = [store.append(record) for record in RECORDS][-1]
        store.apply()
    log = tmp_path / "wal.log"
    log.write_bytes(log.read_bytes()[: LOG_HEADER_BYTES + last])
    with pytest.raises(DamagedLog, match="the log ends there"):
        open_store(tmp_path)
    log.unlink()
    with pytest.raises(DamagedLog, match="gone"):
        open_store(tmp_path)


def test_a_hole_in_records_that_were_never_synced_is_a_torn_tail(tmp_path: Path) -> None:
    with open_store(tmp_path, sync=SyncPolicy.GROUP) as store:
        offsets = [store.append(record) for record in RECORDS]
    flip(tmp_path / "wal.log", LOG_HEADER_BYTES + offsets[1] + 60)
    with open_store(tmp_path) as store:
        assert store.end_offset == offsets[1]
        assert store.log.torn_tail is not None


def test_a_stale_record_behind_a_new_one_is_not_taken_for_the_next(tmp_path: Path) -> None:
    with open_store(tmp_path, sync=SyncPolicy.GROUP) as store:
        for record in RECORDS:
            store.append(record)
        end = store.end_offset
    log = tmp_path / "wal.log"
    old = log.read_bytes()
    # An earlier recovery cut behind the first record; another of the same length followed it,
    # and the blocks behind that one still hold what was there before the cut.
    cut = LOG_HEADER_BYTES + end
    with open_store(tmp_path) as store:
        starts = [offset for offset, _ in store.replay()]
    log.write_bytes(old[: LOG_HEADER_BYTES + starts[1]])
    other = Record(RecordType.PUT, "op-9", 4, b"other!")
    with open_store(tmp_path, sync=SyncPolicy.GROUP) as store:
        store.append(other)
    new = log.read_bytes()
    assert len(new) == LOG_HEADER_BYTES + starts[2]
    log.write_bytes(new + old[len(new) : cut])
    assert shown(tmp_path) == [RECORDS[0], other]


def test_a_record_copied_to_another_place_is_not_valid_there(
    tmp_path: Path, offsets: list[int]
) -> None:
    log = tmp_path / "wal.log"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[LOG_HEADER_BYTES + offsets[2] :])
    assert shown(tmp_path) == RECORDS


def test_a_payload_that_looks_like_a_record_is_a_payload(tmp_path: Path) -> None:
    inner, _ = encode_record(RECORDS[0], base=0, offset=0, previous=1, synced_offset=999)
    record = Record(RecordType.PUT, "op-1", 1, inner * 5)
    with open_store(tmp_path) as store:
        store.append(record)
    log = tmp_path / "wal.log"
    log.write_bytes(log.read_bytes()[:-1])
    assert shown(tmp_path) == []


@pytest.mark.parametrize("name", ["wal.log", "checkpoint", "outbox.state"])
def test_a_file_of_the_next_version_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with open_store(tmp_path) as store:
        store.append(RECORDS[0])
        store.apply()
    flip(tmp_path / name, 8, 0x03)
    with pytest.raises(UnsupportedVersion, match=f"{name}: it has format version 2"):
        open_store(tmp_path)


@pytest.mark.parametrize("name", ["checkpoint", "outbox.state"])
def test_a_flipped_bit_or_a_cut_in_a_small_file_is_never_believed(
    tmp_path: Path, name: str
) -> None:
    with open_store(tmp_path) as store:
        for record in RECORDS:
            store.append(record)
        store.apply()
    path = tmp_path / name
    whole = path.read_bytes()
    for position in range(len(whole)):
        flip(path, position)
        with pytest.raises((DamagedFile, UnsupportedVersion)):
            open_store(tmp_path)
        path.write_bytes(whole[:position])
        with pytest.raises((DamagedFile, UnsupportedVersion)):
            open_store(tmp_path)
        path.write_bytes(whole)
    assert shown(tmp_path) == RECORDS


@pytest.mark.parametrize("lost", ["outbox.state", "checkpoint"])
def test_a_lost_small_file_is_damage_where_the_log_was_compacted(tmp_path: Path, lost: str) -> None:
    with open_store(tmp_path) as store:
        store.append(RECORDS[0])
        store.append(Record(RecordType.DONE, "op-1", 2))
        store.apply()
        store.compact()
    (tmp_path / lost).unlink()
    with pytest.raises(DamagedFile):
        open_store(tmp_path)


def test_files_of_another_store_are_refused(tmp_path: Path) -> None:
    for name, payload in (("a", b""), ("b", b"longer")):
        with open_store(tmp_path / name) as store:
            store.append(Record(RecordType.PUT, "op", 1, payload))
            store.append(Record(RecordType.PUT, "op-2", 1, payload * 9))
            if name == "a":
                store.apply()
    for name in ("checkpoint", "outbox.state"):
        shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    with pytest.raises(WalError):
        open_store(tmp_path / "b")


def test_an_empty_or_foreign_log_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"hello", LogHeader().encode()[:-1]):
        (tmp_path / "wal.log").write_bytes(content)
        with pytest.raises(DamagedLog):
            open_store(tmp_path)


def test_damage_that_comes_after_open_is_reported_by_replay(
    tmp_path: Path, offsets: list[int]
) -> None:
    with open_store(tmp_path) as store:
        flip(tmp_path / "wal.log", LOG_HEADER_BYTES + offsets[1] + 58)
        with pytest.raises(DamagedLog) as refused:
            list(store.replay())
        assert refused.value.offset == offsets[1]
