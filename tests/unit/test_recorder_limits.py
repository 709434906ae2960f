"""What the recorder does not follow is named, refused or stopped; it is never silently missed."""

import _thread
import mmap
import os
import time
from pathlib import Path

import psutil
import pytest
from watching import errors_of, outcome, raw, run_watched, say

from walcrash.recorder import abi
from walcrash.recorder import filter as call_filter
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.zygote import LoadError, Zygote
from walcrash.values.errors import HarnessFault
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint
from walcrash.values.moments import Placement
from walcrash.values.tears import PAGE_BYTES


def work_shared_mapping() -> object:
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, 4096)
    with mmap.mmap(fd, 4096) as mapped:
        mapped[:4] = b"seen"
        mapped.flush()
    return None


def work_harmless_mappings(outside: str) -> object:
    Path("f").write_bytes(b"x" * 4096)
    fd = os.open("f", os.O_RDONLY)
    other = os.open(outside, os.O_CREAT | os.O_RDWR)
    os.ftruncate(other, 4096)
    with (
        mmap.mmap(fd, 4096, access=mmap.ACCESS_READ) as reading,
        mmap.mmap(fd, 4096, access=mmap.ACCESS_COPY) as private,
        mmap.mmap(-1, 4096) as memory,
        mmap.mmap(other, 4096) as perturbed,
    ):
        private[:1] = memory[:1] = perturbed[:1] = b"y"
        return reading[:1]


def test_mappings_that_cannot_change_the_directory_are_not_followed(
    zygote: Zygote, tmp_path: Path
) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    seen = run_watched(zygote, work_harmless_mappings, directory, str(tmp_path / "outside"))
    assert seen.result == b"x"
    assert seen.told == ["create f", "write f, 4096 bytes at 0"]
    assert not seen.recording.unmodelled


def work_between(outside: str) -> object:
    Path("f").write_bytes(b"f")
    Path("g").write_bytes(b"g")
    os.rename("f", outside)
    os.rename(outside, "h")
    os.link("g", outside)
    return None


def test_renames_and_links_across_the_directories_edge_are_named(
    zygote: Zygote, tmp_path: Path
) -> None:
    directory, outside = tmp_path / "directory", str(tmp_path / "outside")
    directory.mkdir()
    seen = run_watched(zygote, work_between, directory, outside)
    assert seen.recording.unmodelled == (
        f"link between the directory and {outside}",
        f"rename between the directory and {outside}",
    )


def work_remove_directory() -> object:
    directory = os.getcwd()
    Path("f").write_bytes(b"f")
    os.unlink("f")
    os.chdir("/")
    os.rmdir(directory)
    os.mkdir(directory)
    return None


def work_rename_directory() -> object:
    directory = os.getcwd()
    os.rename(directory, directory + "-old")
    os.mkdir(directory)
    return None


@pytest.mark.parametrize(
    ("function", "name"), [(work_remove_directory, "removal"), (work_rename_directory, "rename")]
)
def test_a_directory_that_is_taken_away_is_named(
    function: object, name: str, zygote: Zygote, tmp_path: Path
) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    seen = run_watched(zygote, function, directory)  # type: ignore[arg-type]
    assert seen.recording.unmodelled == (f"{name} of the subject's directory itself",)


def work_splice() -> object:
    read_end, write_end = os.pipe()
    os.write(write_end, b"spliced")
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    return os.splice(read_end, fd, 7)


def test_a_splice_into_a_file_is_a_write_of_what_the_pipe_held(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_splice, tmp_path)
    assert (seen.result, seen.recording.unmodelled) == (7, ())
    (write,) = [event for event in seen.events if event.kind is EventKind.WRITE]
    assert (write.path, write.offset, write.data, write.result) == ("f", 0, b"spliced", 7)
    assert (tmp_path / "f").read_bytes() == b"spliced"


def work_splice_nothing() -> object:
    read_end, write_end = os.pipe()
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.close(write_end)
    return os.splice(read_end, fd, 7)


def test_a_splice_from_an_empty_pipe_is_named(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_splice_nothing, tmp_path)
    assert (seen.result, seen.recording.unmodelled) == (0, ("splice from an empty pipe into f",))


def work_direct() -> object:
    fd = os.open("f", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    block = mmap.mmap(-1, 8192)
    block[:] = b"x" * 8192
    return [os.writev(fd, [block]), os.pwritev(fd, [block], 4096), os.lseek(fd, 0, os.SEEK_CUR)]


def test_a_direct_write_is_made_from_aligned_memory(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_direct, tmp_path)
    assert seen.result == [8192, 8192, 8192]
    writes = [event for event in seen.events if event.kind is EventKind.WRITE]
    assert [(event.offset, event.result) for event in writes] == [(0, 8192), (4096, 8192)]
    assert (tmp_path / "f").read_bytes() == b"x" * 12288


def test_a_direct_write_is_cut_where_it_is_killed(zygote: Zygote, tmp_path: Path) -> None:
    within = CrashPoint(call=0, ordinal=0, placement=Placement.WITHIN, event=EventKind.WRITE)
    seen = run_watched(zygote, work_direct, tmp_path, crash=within)
    assert seen.recording.crash is not None
    assert (tmp_path / "f").read_bytes() == b"x" * PAGE_BYTES


def work_mount() -> object:
    return errors_of(
        lambda: raw("chroot", b"/nowhere"),
        lambda: raw("mount", b"none", b"/nowhere", b"tmpfs", 0, 0),
        lambda: raw("pivot_root", b"/nowhere", b"/nowhere"),
    )


def test_other_roots_are_named(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_mount, tmp_path)
    assert seen.recording.unmodelled == ("chroot", "mount", "pivot_root")


def work_refused() -> object:
    source = os.open("f", os.O_CREAT | os.O_RDWR)
    target = os.open("g", os.O_CREAT | os.O_RDWR)
    os.write(source, b"x")
    return errors_of(
        lambda: raw("io_uring_setup", 8, bytes(120)),
        lambda: raw("io_setup", 8, bytes(8)),
        lambda: raw("ioctl", target, abi.FICLONE, source),
        lambda: raw("ioctl", target, abi.FICLONERANGE, bytes(32)),
    )


def test_calls_that_cannot_be_followed_are_answered_as_by_a_kernel_without_them(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_refused, tmp_path)
    assert seen.result == ["ENOSYS", "ENOSYS", "ENOTSUP", "ENOTSUP"]
    assert not seen.recording.unmodelled


def work_openat2_resolve() -> object:
    import struct

    how = struct.pack("<QQQ", os.O_CREAT | os.O_RDWR, 0o600, 8)
    return outcome(lambda: raw("openat2", abi.AT_FDCWD, b"f", how, 24) > 0)


def test_an_open_with_rules_of_its_own_is_named(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_openat2_resolve, tmp_path)
    assert seen.recording.unmodelled == ("openat2 with `resolve` on f",)


def work_sleep() -> object:
    time.sleep(60)
    return None


def work_busy_without_events() -> object:
    while True:
        os.write(1, b"x")


def work_busy_with_events() -> object:
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    while True:
        os.pwrite(fd, b"x", 0)


@pytest.mark.parametrize("function", [work_sleep, work_busy_without_events, work_busy_with_events])
def test_a_worker_that_does_not_come_back_is_stopped_in_time(
    function: object, zygote: Zygote, tmp_path: Path
) -> None:
    began = time.monotonic()
    seen = run_watched(zygote, function, tmp_path, seconds=0.5)  # type: ignore[arg-type]
    assert seen.recording.end is WatchEnd.HUNG
    assert 0.4 < time.monotonic() - began < 5


def work_slow_but_alive() -> object:
    for _ in range(4):
        time.sleep(0.3)
        say(b"")
    return "done"


def test_the_time_limit_is_for_each_call(zygote: Zygote, tmp_path: Path) -> None:
    assert run_watched(zygote, work_slow_but_alive, tmp_path, seconds=1).result == "done"


def work_prints() -> object:
    for _ in range(2000):
        os.write(1, b"rubbish " * 128)
    os.write(2, b"\nlast words\n")
    return None


def work_prints_little() -> object:
    os.write(1, b"a word")
    return None


def test_the_end_of_what_a_worker_prints_is_kept_and_only_its_own(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_prints, tmp_path)
    assert seen.watched.output.endswith("rubbish \nlast words\n")
    assert run_watched(zygote, work_prints_little, tmp_path).watched.output == "a word"


def work_memory() -> object:
    try:
        held = [bytearray(1 << 20) for _ in range(200)]
    except MemoryError:
        return "too much"
    return len(held)


def test_memory_is_limited(zygote: Zygote, tmp_path: Path) -> None:
    assert run_watched(zygote, work_memory, tmp_path, memory_mb=100).result == "too much"


def work_long_message() -> object:
    return outcome(lambda: raw("write", abi.MESSAGE_FD, b"", 1 << 30))


def test_a_message_that_is_too_long_is_refused(zygote: Zygote, tmp_path: Path) -> None:
    assert run_watched(zygote, work_long_message, tmp_path).result == "EMSGSIZE"


def work_nothing() -> object:
    return None


def test_no_descriptor_is_left_open_after_a_watch(zygote: Zygote, tmp_path: Path) -> None:
    functions = (work_sleep, work_nothing, work_refused, work_shared_mapping)
    for function in functions:
        run_watched(zygote, function, tmp_path, seconds=0.05)
    before = sorted(os.listdir("/proc/self/fd"))
    for function in functions * 2:
        run_watched(zygote, function, tmp_path, seconds=0.05)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_zygote_that_was_killed_is_told(fresh_zygote: Zygote, tmp_path: Path) -> None:
    os.kill(fresh_zygote.pid, 9)
    time.sleep(0.2)
    with pytest.raises(HarnessFault, match="the zygote is gone"):
        run_watched(fresh_zygote, work_nothing, tmp_path)


def test_a_worker_that_is_killed_before_its_turn_is_replaced(
    fresh_zygote: Zygote, tmp_path: Path
) -> None:
    run_watched(fresh_zygote, work_nothing, tmp_path)
    parent, deadline = psutil.Process(fresh_zygote.pid), time.monotonic() + 60
    while not (spares := parent.children()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert spares
    for spare in spares:
        spare.kill()
    assert run_watched(fresh_zygote, work_nothing, tmp_path).recording.end is WatchEnd.EXITED


def end_by(payload: bytes) -> bytes:
    """Entry that ends the process that loads it."""
    if payload == b"exit":
        os._exit(3)
    os.kill(os.getpid(), int(payload))
    time.sleep(60)
    return b""


def test_a_zygote_that_is_killed_while_it_loads_is_no_fault_of_what_it_loads(
    fresh_zygote: Zygote,
) -> None:
    with pytest.raises(HarnessFault, match=r"was killed .SIGKILL. while it ran") as told:
        fresh_zygote.load(f"{__name__}:end_by", b"9")
    assert "dmesg" in told.value.hint


@pytest.mark.parametrize("how", ["11", "exit"])
def test_what_ends_its_zygote_while_it_is_loaded_cannot_be_loaded(
    how: str, fresh_zygote: Zygote
) -> None:
    with pytest.raises(LoadError, match="loading ended the process"):
        fresh_zygote.load(f"{__name__}:end_by", how.encode())


def start_no_thread(_: bytes) -> bytes:
    """Entry that takes away the means to start threads, and with them to load anything more."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    _thread.start_new_thread = refuse  # type: ignore[assignment]
    return b""


def test_a_zygote_without_threads_to_spare_blames_the_limits(fresh_zygote: Zygote) -> None:
    entry = f"{__name__}:start_no_thread"
    fresh_zygote.load(entry, b"")
    with pytest.raises(HarnessFault, match="no process can be started for the subject") as told:
        fresh_zygote.load(entry, b"")
    assert "ulimit -u" in told.value.hint


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_fits_a_jump_and_ends_in_allow(machine: str) -> None:
    table = abi.architecture(machine)
    assert table is not None
    lines = call_filter.program(table)
    assert len(lines) < 4096
    assert lines[-1][3] == 0x7FFF_0000
    for position, (_, when_true, when_false, _) in enumerate(lines):
        assert position + 1 + max(when_true, when_false) < len(lines) + 1
