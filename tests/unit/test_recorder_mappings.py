"""What is stored through shared mappings is in the trace, before the event that comes next."""

import ctypes
import mmap
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from watching import Seen, errors_of, outcome, raw, run_watched, say

from walcrash.disk import kill_image
from walcrash.recorder import mappings
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.faults import CrashPoint, KillTimer
from walcrash.values.image import FileEntry, Image
from walcrash.values.moments import CrashPosition, Placement

PAGE = 4096
MS_ASYNC = 1
MS_SYNC = 4
MREMAP_MAYMOVE = 1
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mremap.restype = ctypes.c_void_p


def new_map(name: str, pages: int) -> mmap.mmap:
    """Map a new file of so many pages of zeros; its descriptor is closed at once."""
    fd = os.open(name, os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, pages * PAGE)
    mapped = mmap.mmap(fd, pages * PAGE)
    os.close(fd)
    return mapped


def address_of(mapped: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(mapped))


def msync(mapped: mmap.mmap, page: int, pages: int, flags: int) -> object:
    address = address_of(mapped) + page * PAGE
    return outcome(lambda: raw("msync", ctypes.c_void_p(address), pages * PAGE, flags))


def stores(seen: Seen) -> list[Event]:
    return [event for event in seen.events if event.is_stored]


def derived(seen: Seen) -> Image:
    """Return the directory as the trace tells it."""
    events = seen.recording.events()
    return kill_image(Image({}), events, CrashPosition(len(events), Placement.BEFORE))


def contents(image: Image) -> dict[str, bytes]:
    return {n: e.content for n, e in image.entries.items() if isinstance(e, FileEntry)}


def work_stores() -> object:
    mapped = new_map("f", 8)
    mapped[0:4] = mapped[PAGE : PAGE + 4] = mapped[5 * PAGE : 5 * PAGE + 4] = b"seen"
    os.mkdir("d")
    mapped[PAGE : PAGE + 4] = b"more"
    return None


def test_each_run_of_changed_pages_is_one_write_before_the_next_event(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_stores, tmp_path)
    assert seen.told == [
        "create f",
        "truncate f to 32768 bytes",
        "map f",
        "write f, 8192 bytes at 0, stored through a mapping",
        "write f, 4096 bytes at 20480, stored through a mapping",
        "mkdir d",
        "write f, 4096 bytes at 4096, stored through a mapping",
    ]
    assert [event.flags for event in stores(seen)] == [MAPPED] * 3
    assert seen.recording.events()[-1].kind is EventKind.REPLY
    assert contents(derived(seen)) == contents(seen.image)
    assert not seen.recording.unmodelled


def work_all_syncs() -> object:
    mapped = new_map("f", 8)
    fd = os.open("f", os.O_RDWR)
    for number, sync in enumerate((os.fsync, os.fdatasync, lambda _: os.sync())):
        mapped[number * PAGE] = 1
        sync(fd)
    mapped[3 * PAGE] = 1
    results = [msync(mapped, 3, 2, MS_SYNC), msync(mapped, 3, 2, MS_ASYNC)]
    return [*results, msync(mapped, 1, 1, MS_SYNC | MS_ASYNC), msync(mapped, 0, 0, MS_SYNC)]


def test_stores_come_before_the_sync_that_covers_them(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_all_syncs, tmp_path)
    assert seen.result == [0, 0, "EINVAL", 0]
    assert [event.kind.value for event in seen.events[3:]] == [
        "write", "fsync", "write", "fdatasync", "write", "sync-all", "write", "msync",
    ]  # fmt: skip
    assert seen.told[-1] == "msync f, 8192 bytes at 12288"


def work_msync_at_edges() -> object:
    mapped = new_map("f", 4)
    os.close(os.open("f", os.O_RDWR))
    address = address_of(mapped)
    results: list[object] = [LIBC.munmap(ctypes.c_void_p(address + PAGE), PAGE)]
    results.append(msync(mapped, 0, 4, MS_SYNC))
    # The hole is filled with another page of the same file.
    fd = os.open("f", os.O_RDWR)
    fixed = 0x10 | mmap.MAP_SHARED
    raw("mmap", ctypes.c_void_p(address + PAGE), PAGE, mmap.PROT_READ, fixed, fd, 3 * PAGE)
    results.append(msync(mapped, 1, 2, MS_SYNC))
    return results


def test_an_msync_is_told_by_what_lies_at_the_addresses_when_it_is_made(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_msync_at_edges, tmp_path)
    assert seen.result == [0, "ENOMEM", 0]
    synced = [event for event in seen.events if event.kind is EventKind.MSYNC]
    assert [(event.offset, event.length, event.result) for event in synced] == [
        (0, PAGE, -12), (2 * PAGE, 2 * PAGE, -12), (3 * PAGE, PAGE, 0), (2 * PAGE, PAGE, 0),
    ]  # fmt: skip


def work_other_changes() -> object:
    mapped = new_map("f", 40)
    fd = os.open("f", os.O_RDWR)
    os.pwrite(fd, b"w" * 9000, 15 * PAGE + 100)
    mapped[20 * PAGE : 20 * PAGE + 3] = b"two"
    raw("fallocate", fd, 3, 16 * PAGE + 50, PAGE)
    os.ftruncate(fd, 18 * PAGE + 10)
    os.ftruncate(fd, 40 * PAGE)
    raw("fallocate", fd, 0, 40 * PAGE, PAGE)
    Path("g").write_bytes(b"g")
    os.truncate("f", 16 * PAGE)
    return None


def test_what_calls_change_is_not_told_twice(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_other_changes, tmp_path)
    assert [str(event) for event in stores(seen)] == [
        "write f, 4096 bytes at 81920, stored through a mapping"
    ]
    assert contents(derived(seen)) == contents(seen.image)


def work_collapse() -> object:
    mapped = new_map("f", 40)
    for page in range(40):
        mapped[page * PAGE] = page + 1
    fd = os.open("f", os.O_RDWR)
    return errors_of(
        lambda: raw("fallocate", fd, 0x08, PAGE, 2 * PAGE),
        lambda: raw("fallocate", fd, 0x20, PAGE, 2 * PAGE),
    )


def test_pages_that_a_call_has_moved_are_not_told_twice(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_collapse, tmp_path)
    if seen.result != [0, 0]:
        pytest.skip("this file system cannot move parts of a file")
    assert len(stores(seen)) == 1
    assert contents(derived(seen)) == contents(seen.image)


def work_unmapped_moved_renamed() -> object:
    first = new_map("f", 2)
    first[0] = 1
    first.close()
    os.rename("f", "g")
    second = new_map("f", 2)
    second[0] = 2
    moved = LIBC.mremap(ctypes.c_void_p(address_of(second)), 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE)
    os.truncate("f", 8 * PAGE)
    ctypes.memset(moved + 7 * PAGE, 3, 1)
    os.unlink("f")
    ctypes.memset(moved, 4, 1)
    return None


def test_it_does_not_matter_what_became_of_the_mapping_or_the_name(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_unmapped_moved_renamed, tmp_path)
    assert seen.told[3:] == [
        "write f, 4096 bytes at 0, stored through a mapping",
        "rename f to g",
        "create f",
        "truncate f to 8192 bytes",
        "map f",
        "write f, 4096 bytes at 0, stored through a mapping",
        "truncate f to 32768 bytes",
        "write f, 4096 bytes at 28672, stored through a mapping",
        "unlink f",
        "write f, 4096 bytes at 0, stored through a mapping",
    ]
    assert contents(derived(seen)) == contents(seen.image)


def work_read_only_first() -> object:
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, PAGE)
    address = raw("mmap", None, PAGE, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    result = LIBC.mprotect(ctypes.c_void_p(address), PAGE, mmap.PROT_READ | mmap.PROT_WRITE)
    ctypes.memset(address, 7, 1)
    return result


def test_a_mapping_that_is_made_writable_later_is_followed(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_read_only_first, tmp_path)
    assert seen.result == 0
    assert [event.data[:1] for event in stores(seen)] == [b"\x07"]


def work_child() -> object:
    mapped = new_map("f", 2)
    pid = os.fork()
    if pid == 0:
        mapped[PAGE] = 9
        os._exit(0)
    os.waitpid(pid, 0)
    return mapped[PAGE]


def test_what_a_child_stores_through_an_inherited_mapping_is_told(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_child, tmp_path)
    assert seen.result == 9
    assert seen.told[-1] == "write f, 4096 bytes at 4096, stored through a mapping"


def work_one_call() -> object:
    mapped = new_map("f", 4)
    say(b"")
    mapped[0] = mapped[2 * PAGE] = 1
    msync(mapped, 0, 4, MS_SYNC)
    mapped[0] = 2
    say(b"")
    mapped[0] = 3
    return None


@pytest.mark.parametrize(
    ("ordinal", "event", "placement", "landed", "first_byte"),
    [
        (0, EventKind.WRITE, Placement.BEFORE, "after write", 1),
        (1, EventKind.WRITE, Placement.WITHIN, "after write", 1),
        (2, EventKind.WRITE, Placement.AFTER, "after write", 2),
        (0, EventKind.MSYNC, Placement.BEFORE, "before msync", 1),
        (0, EventKind.MSYNC, Placement.AFTER, "after msync", 1),
        (9, None, Placement.BEFORE, "before reply", 2),
    ],
)
def test_a_kill_falls_after_the_stores_that_came_before_it(
    ordinal: int,
    event: EventKind | None,
    placement: Placement,
    landed: str,
    first_byte: int,
    zygote: Zygote,
    tmp_path: Path,
) -> None:
    crash = CrashPoint(call=1, ordinal=ordinal, placement=placement, event=event)
    seen = run_watched(zygote, work_one_call, tmp_path, crash=crash)
    landing = seen.recording.crash
    assert landing is not None
    assert f"{landing.placement.value} {landing.row.kind.value}" == landed
    # Both pages of the first look are there, wherever in it the kill was to fall.
    found = contents(seen.image)["f"]
    assert (found[0], found[2 * PAGE]) == (first_byte, 1)
    position = CrashPosition(landing.event_index, landing.placement)
    image = kill_image(Image({}), seen.recording.events(), position)
    assert contents(image) == contents(seen.image)


def work_restless_thread() -> object:
    mapped = new_map("f", 64)

    def store() -> None:
        number = 0
        while True:
            number += 1
            mapped[number % 64 * PAGE : number % 64 * PAGE + 8] = number.to_bytes(8, "little")

    threading.Thread(target=store, daemon=True).start()
    while True:
        os.pwrite(os.open("g", os.O_CREAT | os.O_RDWR), b"g", 0)
        say(b"")


@pytest.mark.parametrize(
    "crash",
    [KillTimer(30_000), CrashPoint(call=5, ordinal=0, placement=Placement.AFTER)],
    ids=["timer", "point"],
)
def test_what_other_threads_store_until_they_are_killed_is_in_the_trace(
    crash: KillTimer | CrashPoint, zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_restless_thread, tmp_path, crash=crash)
    assert seen.recording.end is WatchEnd.KILLED
    assert contents(derived(seen)) == contents(seen.image)


def work_many_files() -> object:
    for number in range(200):
        mapped = new_map(f"f{number}", 1)
        mapped[0] = 1 + number % 250
        mapped.close()
    return None


def work_many_at_once() -> object:
    kept = [new_map(f"f{number}", 1) for number in range(mappings.MOST_HELD_FILES + 1)]
    return len(kept)


def test_files_that_are_no_longer_mapped_are_let_go_and_too_many_at_once_are_named(
    zygote: Zygote, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    seen = run_watched(zygote, work_many_files, tmp_path / "one")
    assert not seen.recording.unmodelled
    assert len(stores(seen)) == 200
    assert contents(derived(seen)) == contents(seen.image)
    (tmp_path / "other").mkdir()
    seen = run_watched(zygote, work_many_at_once, tmp_path / "other")
    assert seen.recording.unmodelled == ("mmap (shared, writable) of more than 256 files",)


def work_much_data() -> object:
    mapped = new_map("f", 40 * 1024)
    mapped[: 32 * 1024 * PAGE] = b"x" * (32 * 1024 * PAGE)
    os.truncate("f", 0)
    return None


def test_mapped_files_with_too_much_data_are_named(
    zygote: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mappings, "MOST_MAPPED_BYTES", 100 << 20)
    seen = run_watched(zygote, work_much_data, tmp_path)
    assert seen.recording.unmodelled == (
        "mmap (shared, writable) of files with more than 100 MiB of data",
    )


def work_sparse() -> object:
    mapped = new_map("f", 1 << 18)
    for number in range(200):
        mapped[number * 1000 * PAGE] = 1
        say(b"")
    # The test reads the directory whole.
    os.truncate("f", 0)
    return None


def test_a_sparse_mapping_of_a_gigabyte_costs_what_is_in_it(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_sparse, tmp_path, memory_mb=4096)
    assert len(stores(seen)) == 200
    assert all(event.length == PAGE for event in stores(seen))


def work_unreadable() -> object:
    mapped = new_map("f", 20)
    mapped[0] = mapped[19 * PAGE] = 1
    return None


def test_a_file_that_cannot_be_opened_again_is_followed_all_the_same(
    zygote: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open

    def open_or_refuse(path: Any, *arguments: Any, **named: Any) -> int:
        if str(path).startswith("/proc/self/fd/"):
            raise PermissionError(13, "its mode allows nothing")
        return real_open(path, *arguments, **named)

    monkeypatch.setattr(os, "open", open_or_refuse)
    seen = run_watched(zygote, work_unreadable, tmp_path)
    assert [event.offset for event in stores(seen)] == [0, 19 * PAGE]


def work_direct_access() -> object:
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, PAGE)
    return outcome(lambda: raw("mmap", None, PAGE, mmap.PROT_WRITE, 0x8_0003, fd, 0))


def test_mappings_whose_stores_need_no_sync_are_refused(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_direct_access, tmp_path)
    assert seen.result == "ENOTSUP"
    assert EventKind.MAP not in {event.kind for event in seen.events}
