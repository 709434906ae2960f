"""Injected errors as a worker sees them, call by call; and that what is not hit goes on as ever."""

import errno
import fcntl
import mmap
import os
from pathlib import Path

from watching import errors_of, outcome, run_watched

from walcrash.recorder.abi import raw_call
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import CallError, ErrorName, Fault, FaultCall, Quota, ShortTransfer

CONTENT = b"hello world"


def error(on: FaultCall, name: ErrorName = ErrorName.EIO, ordinal: int = 0) -> CallError:
    return CallError(boot=0, call=0, on=on, ordinal=ordinal, error=name)


def filled(directory: Path) -> Path:
    (directory / "a").write_bytes(CONTENT)
    return directory


def read_in_all_ways() -> object:
    fd = os.open("a", os.O_RDONLY)
    pieces = bytearray(4), bytearray(20)
    found = errors_of(
        lambda: os.read(fd, 5),
        lambda: os.pread(fd, 5, 6),
        lambda: os.preadv(fd, pieces, 0),
        lambda: os.readv(fd, pieces),
    )
    with open("/proc/self/cmdline", "rb") as outside:
        outside.read()
    return found, os.lseek(fd, 0, os.SEEK_CUR)


def test_each_way_of_reading_fails_and_the_others_go_on(zygote: Zygote, tmp_path: Path) -> None:
    right = [b"hello", b"world", len(CONTENT), len(CONTENT) - 5]
    for ordinal in range(4):
        fault = error(FaultCall.READ, ordinal=ordinal)
        seen = run_watched(zygote, read_in_all_ways, filled(tmp_path), faults=[fault])
        found, _ = seen.result
        assert found[ordinal] == "EIO"
        assert found[1:ordinal] == right[1:ordinal]
        assert seen.told == ["read a, injected (failed, errno 5)"]


def test_a_short_read_gives_a_part_of_what_is_there(zygote: Zygote, tmp_path: Path) -> None:
    fault = ShortTransfer(boot=0, call=0, on=FaultCall.READ, kept=1 << 15, times=2)
    seen = run_watched(zygote, read_in_all_ways, filled(tmp_path), faults=[fault])
    found, position = seen.result
    assert found == [b"hel", b"wor", len(CONTENT), len(CONTENT) - 3]
    assert position == len(CONTENT)
    assert [(each.kind, each.result, each.length) for each in seen.events] == [
        (EventKind.READ, 3, 5),
        (EventKind.READ, 3, 5),
    ]


def open_twice() -> object:
    return errors_of(
        lambda: os.open("a", os.O_RDONLY) >= 0,
        lambda: os.open("a", os.O_RDWR) >= 0,
        lambda: os.open("none", os.O_RDONLY),
        lambda: os.open("new", os.O_RDWR | os.O_CREAT) >= 0,
    )


def test_the_open_of_a_file_that_is_there_fails(zygote: Zygote, tmp_path: Path) -> None:
    fault = error(FaultCall.OPEN, ErrorName.EMFILE, ordinal=1)
    seen = run_watched(zygote, open_twice, filled(tmp_path), faults=[fault])
    assert seen.result == [True, "EMFILE", "ENOENT", True]
    assert [each.kind for each in seen.events] == [EventKind.OPEN, EventKind.CREATE]


def close_and_lock() -> object:
    first, second = os.open("a", os.O_RDWR), os.open("a", os.O_RDWR)
    fcntl.flock(first, fcntl.LOCK_EX)
    found = [outcome(lambda: os.close(first))]
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return [*found, outcome(lambda: os.write(first, b"x")), outcome(lambda: os.close(second))]


def test_a_close_that_fails_has_closed_the_file(zygote: Zygote, tmp_path: Path) -> None:
    fault = error(FaultCall.CLOSE)
    seen = run_watched(zygote, close_and_lock, filled(tmp_path), faults=[fault])
    assert seen.result == ["EIO", "EBADF", None]
    assert seen.told == ["close a, injected (failed, errno 5)"]
    assert (tmp_path / "a").read_bytes() == CONTENT


def map_and_sync() -> object:
    fd = os.open("a", os.O_RDWR)
    first = outcome(lambda: mmap.mmap(fd, len(CONTENT)).close())
    with mmap.mmap(fd, len(CONTENT)) as mapped:
        mapped[0:1] = b"J"
        return [first, outcome(mapped.flush)]


def test_a_mapping_and_its_sync_fail(zygote: Zygote, tmp_path: Path) -> None:
    faults: list[Fault] = [error(FaultCall.MAP, ErrorName.ENOMEM), error(FaultCall.MSYNC)]
    seen = run_watched(zygote, map_and_sync, filled(tmp_path), faults=faults)
    assert seen.result == ["ENOMEM", "EIO"]
    assert (tmp_path / "a").read_bytes() == b"J" + CONTENT[1:]


def fill_the_disk() -> object:
    fd = os.open("a", os.O_RDWR | os.O_APPEND)
    return errors_of(
        lambda: os.write(fd, b"123456"),
        lambda: os.write(fd, b"7"),
        lambda: os.open("new", os.O_RDWR | os.O_CREAT),
        lambda: os.mkdir("d"),
        lambda: os.pwrite(os.open("a", os.O_RDWR), b"J", 0),
        lambda: os.truncate("a", len(CONTENT)),
        lambda: os.write(fd, b"89"),
    )


def test_a_full_disk_has_room_for_what_is_freed(zygote: Zygote, tmp_path: Path) -> None:
    fault = Quota(boot=0, call=0, room_bytes=4)
    seen = run_watched(zygote, fill_the_disk, filled(tmp_path), faults=[fault])
    assert seen.result == [4, "ENOSPC", "ENOSPC", "ENOSPC", 1, None, 2]
    assert (tmp_path / "a").read_bytes() == b"J" + CONTENT[1:] + b"89"


def fill_what_was_allocated() -> object:
    fd = os.open("a", os.O_RDWR | os.O_APPEND)
    return errors_of(
        lambda: os.write(fd, bytes(5000)),
        lambda: os.write(fd, bytes(60_000)),
    )


def test_room_that_a_file_was_given_before_is_there_on_a_full_disk(
    zygote: Zygote, tmp_path: Path
) -> None:
    fd = os.open(filled(tmp_path) / "a", os.O_RDWR)
    keep_size = 1
    allocate(fd, keep_size, 0, 1 << 14)
    os.close(fd)
    fault = Quota(boot=0, call=0, room_bytes=0)
    seen = run_watched(zygote, fill_what_was_allocated, tmp_path, faults=[fault])
    assert seen.result[0] == 5000
    assert seen.result[1] == (1 << 14) - len(CONTENT) - 5000


def allocate(fd: int, mode: int, offset: int, length: int) -> None:
    raw_call("fallocate", fd, mode, offset, length)


def try_for_ever() -> object:
    fd = os.open("a", os.O_WRONLY)
    while True:
        try:
            return os.write(fd, b"x")
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise


def test_whoever_never_gives_up_is_stopped_by_a_count(zygote: Zygote, tmp_path: Path) -> None:
    fault = CallError(boot=0, call=0, on=FaultCall.WRITE, error=ErrorName.ENOSPC, times=None)
    seen = run_watched(zygote, try_for_ever, filled(tmp_path), faults=[fault])
    assert seen.recording.end is WatchEnd.RETRYING
    assert len(seen.events) == 1_000
    assert all(event.is_injected for event in seen.events)
