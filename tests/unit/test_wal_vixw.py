"""The Vix.cpp format: its bytes, what its reader makes of torn ones, and what its writer does."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import walcrash
from walcrash.subjects.vixw import VixwAdapter
from walcrash.values.record import Record, RecordType
from walcrash.wal import ValueRefused, vixw

PUT = Record(RecordType.PUT, "op-1", 1000, b"hi")
FAILED = Record(RecordType.FAILED, "op-1", -1, error="no route", next_retry_at_ms=2000)

EXAMPLE = bytes.fromhex(
    "57584956 0100 01 00 e803000000000000 04000000 02000000 00000000 00000000000000006f702d31 6869"
)

MILLISECONDS = st.integers(-(1 << 63), (1 << 63) - 1)
RECORDS = st.builds(
    Record,
    st.sampled_from(RecordType),
    st.text(max_size=20),
    MILLISECONDS,
    st.binary(max_size=50),
    st.text(max_size=20),
    MILLISECONDS,
)


def opened(directory: Path, *, fsync_on_write: bool = False) -> VixwAdapter:
    subject = VixwAdapter(fsync_on_write=fsync_on_write)
    subject.open(directory, lambda _: None)
    return subject


def replayed(path: Path, from_offset: int = 0) -> tuple[int, list[Record]]:
    records: list[Record] = []
    fd = os.open(path, os.O_RDONLY)
    try:
        return vixw.replay(fd, from_offset, records.append), records
    finally:
        os.close(fd)


def test_the_example_of_the_reference_page_is_what_the_writer_writes() -> None:
    page = Path(walcrash.__file__).parent / "docs" / "reference" / "vixw-format.md"
    assert bytes.fromhex(page.read_text().split("```text\n")[1].split("```")[0]) == EXAMPLE


def test_a_record_has_the_bytes_that_the_format_states() -> None:
    assert b"".join(vixw.encode_record(PUT)) == EXAMPLE
    assert vixw.HEADER_BYTES == 36


@settings(deadline=None)
@given(records=st.lists(RECORDS, max_size=5))
def test_what_is_appended_is_replayed(
    records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("log")
    subject = opened(directory)
    offsets = [subject.append(record) for record in records]
    assert list(subject.replay(0)) == list(zip(offsets, records, strict=True))


def test_replay_returns_where_the_last_record_starts_or_minus_one(tmp_path: Path) -> None:
    subject = opened(tmp_path)
    path = tmp_path / "wal.log"
    path.touch()
    assert replayed(path) == (-1, [])
    subject.append(PUT)
    second = subject.append(FAILED)
    assert second == len(EXAMPLE)
    assert replayed(path) == (second, [PUT, FAILED])
    assert replayed(path, second) == (second, [FAILED])
    assert replayed(path, subject.end()) == (-1, [])


@pytest.mark.parametrize("kept", range(len(EXAMPLE)))
def test_a_torn_record_is_no_record_and_no_error(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "wal.log"
    path.write_bytes(EXAMPLE + EXAMPLE[:kept])
    assert replayed(path) == (0, [PUT])


def test_what_is_appended_behind_a_torn_header_is_never_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    # The lengths that are misread here are gigabytes, which the adapter makes room for.
    monkeypatch.setattr("walcrash.subjects.vixw.bytearray", asked.append, raising=False)
    subject = opened(tmp_path)
    (tmp_path / "wal.log").write_bytes(EXAMPLE + EXAMPLE[:7])
    assert subject.append(FAILED) == len(EXAMPLE) + 7
    assert [record for _, record in subject.replay(0)] == [PUT]
    assert max(asked) > 1 << 30


def test_a_torn_body_takes_the_bytes_of_the_records_behind_it(tmp_path: Path) -> None:
    torn = b"".join(vixw.encode_record(Record(RecordType.PUT, "torn", 1, b"x" * 100)))[:-46]
    (tmp_path / "wal.log").write_bytes(torn)
    subject = opened(tmp_path)
    offset = subject.append(Record(RecordType.DONE, "0123456789", 2))
    assert offset == len(torn)
    ((_, shown),) = subject.replay(0)
    assert shown.id == "torn"
    assert vixw.START in shown.payload


def test_the_type_and_the_reserved_byte_are_not_looked_at(tmp_path: Path) -> None:
    data = bytearray(EXAMPLE * 2)
    data[6] = 9
    data[7] = 1
    data[len(EXAMPLE) + 7] = 1
    path = tmp_path / "wal.log"
    path.write_bytes(data)
    assert replayed(path) == (len(EXAMPLE), [PUT])


@pytest.mark.parametrize("at", [16, 20, 24])
def test_a_length_of_four_gigabytes_ends_the_log(at: int, tmp_path: Path) -> None:
    data = bytearray(EXAMPLE)
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path = tmp_path / "wal.log"
    path.write_bytes(EXAMPLE + data + EXAMPLE)
    assert replayed(path) == (0, [PUT])


def test_another_version_ends_the_log(tmp_path: Path) -> None:
    path = tmp_path / "wal.log"
    path.write_bytes(EXAMPLE + EXAMPLE.replace(b"\x01\x00\x01", b"\x02\x00\x01"))
    assert replayed(path) == (0, [PUT])


def test_bytes_that_are_no_utf_8_are_shown_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "wal.log"
    path.write_bytes(EXAMPLE.replace(b"op-1", b"\xff\xfe\x00\x80"))
    assert replayed(path)[1][0].id.encode("utf-8", "surrogateescape") == b"\xff\xfe\x00\x80"


# What strace shows of a C++ program that writes these lengths to a `std::ofstream`.
@pytest.mark.parametrize(
    ("payload", "error", "calls"),
    [
        (0, 0, [[40]]),
        (0, 10, [[50]]),
        (0, 2000, [[40, 2000]]),
        (1023, 10, [[1073]]),
        (1023, 2000, [[1063, 2000]]),
        (1024, 0, [[40, 1024]]),
        (1024, 10, [[40, 1024], [10]]),
        (5000, 2000, [[40, 5000], [0, 2000]]),
    ],
)
def test_a_record_is_written_in_the_calls_of_libstdcpp(
    payload: int, error: int, calls: list[list[int]]
) -> None:
    record = Record(RecordType.PUT, "op-1", 1, b"x" * payload, "e" * error)
    made = vixw.system_calls(vixw.encode_record(record))
    assert [[len(buffer) for buffer in buffers] for buffers in made] == calls


@pytest.mark.parametrize("fsync_on_write", [False, True])
def test_nothing_is_ever_synced(
    fsync_on_write: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise AssertionError("a sync")

    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(os, "fdatasync", refuse)
    subject = opened(tmp_path, fsync_on_write=fsync_on_write)
    subject.append(PUT)
    subject.close()
    assert (tmp_path / "wal.log").read_bytes() == EXAMPLE


@pytest.mark.parametrize("field", ["ts_ms", "next_retry_at_ms"])
def test_a_time_that_does_not_fit_is_refused(field: str) -> None:
    times = {"ts_ms": 0, "next_retry_at_ms": 0, field: 1 << 63}
    with pytest.raises(ValueRefused, match=field):
        vixw.encode_record(Record(RecordType.FAILED, "op-1", **times))
