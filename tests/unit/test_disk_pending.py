"""The pending model: what each event does to files and names, seen through kill images."""

import contextlib
import gc
import os
import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType

import pytest

from walcrash.disk import (
    NotModelled,
    Pending,
    byte_tears_in_write,
    crash_points_in_write,
    crash_positions,
    crash_states,
    images,
    kill_image,
    rebuild,
)
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.image import (
    DirectoryEntry,
    FileEntry,
    Image,
    LinkEntry,
    SymlinkEntry,
)
from walcrash.values.moments import CrashPosition, Placement

K = EventKind
LOG = Image({"log": FileEntry(b"0123456789")})
EMPTY = Image({})


def write(path: str, file: int, offset: int, data: bytes, *, result: int = -1) -> Event:
    return Event(
        kind=K.WRITE, path=path, file=file, offset=offset, length=len(data), data=data,
        result=len(data) if result == -1 else result,
    )  # fmt: skip


def allocate(mode: int, offset: int, length: int) -> Event:
    return Event(kind=K.ALLOCATE, path="log", file=0, offset=offset, length=length, flags=mode)


def at_end(base: Image, events: list[Event]) -> Image:
    return kill_image(base, events, CrashPosition(len(events), Placement.BEFORE))


def content(base: Image, events: list[Event], name: str = "log") -> bytes:
    entry = at_end(base, events).entries[name]
    assert isinstance(entry, FileEntry)
    return entry.content


@pytest.mark.parametrize(
    ("mode", "offset", "length", "expected"),
    [
        (0x00, 8, 4, b"0123456789\0\0"),
        (0x00, 0, 4, b"0123456789"),
        (0x01, 8, 4, b"0123456789"),
        (0x03, 2, 4, b"01\0\0\0\x006789"),
        (0x03, 8, 9, b"01234567\0\0"),
        (0x08, 2, 4, b"016789"),
        (0x10, 8, 4, b"01234567\0\0\0\0"),
        (0x11, 8, 4, b"01234567\0\0"),
        (0x20, 2, 3, b"01\0\0\x0023456789"),
        (0x40, 0, 4, b"0123456789"),
    ],
)
def test_each_mode_of_fallocate_changes_the_file_as_the_manual_says(
    mode: int, offset: int, length: int, expected: bytes
) -> None:
    assert content(LOG, [allocate(mode, offset, length)]) == expected


def test_a_short_write_leaves_what_it_returned() -> None:
    assert content(LOG, [write("log", 0, 0, b"abcdef", result=2)]) == b"ab23456789"


def test_a_failed_call_leaves_nothing() -> None:
    failed = [
        write("log", 0, 0, b"abc", result=-28),
        Event(kind=K.RENAME, path="log", path_to="x", file=0, result=-13),
        Event(kind=K.MAP, path="log", file=0, result=-13),
    ]
    assert at_end(LOG, failed) == LOG


def test_a_position_within_a_write_keeps_just_those_bytes() -> None:
    events = [write("log", 0, 0, b"abcdef"), write("log", 0, 8, b"XYZ")]
    positions = [CrashPosition(1, Placement.WITHIN, kept) for kept in (1, 2)]
    images = [kill_image(LOG, events, position).entries["log"] for position in positions]
    assert images == [FileEntry(b"abcdef67X9"), FileEntry(b"abcdef67XY")]


def test_a_file_without_a_name_appears_when_it_is_linked() -> None:
    made = [Event(kind=K.CREATE, file=3, flags=os.O_TMPFILE), write("", 3, 0, b"data")]
    assert at_end(EMPTY, made) == EMPTY
    named = [*made, Event(kind=K.LINK, path_to="new", file=3)]
    assert at_end(EMPTY, named) == Image({"new": FileEntry(b"data")})


def test_a_link_by_a_descriptor_is_to_the_open_file_whatever_has_its_name_now() -> None:
    base = Image({"a": FileEntry(b"old"), "b": LinkEntry("a")})
    events = [
        write("a", 0, 0, b"OLD"),
        Event(kind=K.UNLINK, path="a", file=0),
        Event(kind=K.CREATE, path="a", file=1),
        Event(kind=K.LINK, path="a", path_to="c", file=0),
    ]
    assert at_end(base, events).entries == {
        "a": FileEntry(b""), "b": FileEntry(b"OLD"), "c": LinkEntry("b"),
    }  # fmt: skip
    first_seen = [Event(kind=K.LINK, path="a", path_to="c", file=0), write("c", 0, 0, b"OLD")]
    assert at_end(base, first_seen).entries["c"] == LinkEntry("a")


def test_writes_to_a_file_that_lost_its_name_go_nowhere() -> None:
    base = Image({"log": FileEntry(b"old"), "tmp": FileEntry(b"new")})
    events = [
        Event(kind=K.RENAME, path="tmp", path_to="log", file=0),
        # The file that was replaced is still open; the recorder shows the name that it had.
        write("log", 1, 0, b"lost"),
        write("log", 0, 0, b"N"),
    ]
    assert at_end(base, events) == Image({"log": FileEntry(b"New")})


def test_a_rename_between_two_names_of_one_file_does_nothing() -> None:
    base = Image({"a": FileEntry(b"x"), "b": LinkEntry("a")})
    assert at_end(base, [Event(kind=K.RENAME, path="a", path_to="b", file=0)]) == base


def test_directories_move_with_what_is_in_them_and_symlinks_stay_text() -> None:
    base = Image(
        {
            "d": DirectoryEntry(0o750),
            "d/file": FileEntry(b"x", 0o640),
            "d/link": SymlinkEntry("file"),
        }
    )
    events = [
        Event(kind=K.RENAME, path="d", path_to="e", file=0),
        Event(kind=K.SYMLINK, path="e/other", path_to="../x"),
        Event(kind=K.UNLINK, path="e/link", file=1),
    ]
    assert at_end(base, events) == Image(
        {
            "e": DirectoryEntry(0o750),
            "e/file": FileEntry(b"x", 0o640),
            "e/other": SymlinkEntry("../x"),
        }
    )


@pytest.mark.parametrize(
    "event",
    [
        Event(kind=K.RENAME, path="log", path_to="x", file=0, flags=4),
        Event(kind=K.ALLOCATE, path="log", file=0, length=4, flags=0x1000),
        Event(kind=K.RENAME, path="missing", path_to="x", file=7),
        Event(kind=K.CREATE, path="missing/x", file=7),
        Event(kind=K.LINK, path="missing", path_to="x", file=7),
    ],
)
def test_what_has_no_rule_is_named_with_its_event(event: Event) -> None:
    with pytest.raises(NotModelled) as caught:
        at_end(LOG, [Event(kind=K.REPLY, result=1), event])
    assert caught.value.event == event
    assert "event 1 cannot be modelled" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_trace_that_ends_before_the_position_is_refused() -> None:
    with pytest.raises(ValueError, match="has 1 events; there is no after event 3"):
        kill_image(LOG, [write("log", 0, 0, b"a")], CrashPosition(3))
    with pytest.raises(ValueError, match="there is no within event 1"):
        kill_image(LOG, [write("log", 0, 0, b"a")], CrashPosition(1, Placement.WITHIN, 1))


def test_a_power_loss_cuts_a_write_at_the_ends_of_sectors_in_its_file() -> None:
    event = write("log", 0, 500, bytes(1100))
    assert crash_points_in_write(event) == [12, 524, 1036]
    assert crash_points_in_write(replace(event, offset=512)) == [512, 1024]
    assert crash_points_in_write(write("log", 0, 0, bytes(512))) == []
    assert crash_points_in_write(write("log", 0, 510, b"abcdef", result=3)) == [2]
    assert crash_points_in_write(write("log", 0, 510, b"abcdef", result=2)) == []


def test_a_store_that_relies_on_pages_has_no_crash_point_inside_one() -> None:
    event = write("log", 0, 4000, bytes(5000))
    assert crash_points_in_write(event, 4096) == [96, 4192]


def test_a_store_that_relies_on_nothing_has_crash_points_at_telling_bytes_too() -> None:
    event = write("log", 0, 500, bytes(100))
    telling = [1, 4, 8, 16, 20, 24, 32, 40, 50, 64, 92, 96, 99]
    assert crash_points_in_write(event, 1) == sorted([*telling, 12])
    assert byte_tears_in_write(event) == telling


def test_positions_are_before_the_first_event_then_within_and_after_each() -> None:
    events = [
        write("log", 0, 510, b"abc"),
        Event(kind=K.ATTRIBUTE, path="log"),
        Event(kind=K.REPLY, data=b"R", result=1),
        write("log", 0, 0, b"abc", result=-5),
        Event(kind=K.ATTRIBUTE, path="log", file=0, mode=0o640),
    ]
    positions = [position for position, _ in crash_states(LOG, events)]
    assert [str(position) for position in positions] == [
        "before event 0",
        "within event 0, bytes 0-1 kept",
        "after event 0",
        "after event 2",
        "after event 4",
    ]


def test_a_synchronous_write_is_whole_in_memory_before_it_is_durable() -> None:
    event = replace(write("log", 0, 0, b"abc"), is_synchronous=True)
    found = {
        str(position): {one.digest for one in images(pending, Model.ORDERED, position)}
        for position, pending in crash_states(LOG, [event])
    }
    new = Image({"log": FileEntry(b"abc3456789")})
    whole = "within event 0, bytes 0-2 kept"
    assert list(found)[-2:] == [whole, "after event 0"]
    assert found[whole] == {LOG.digest(), new.digest()}
    assert found["after event 0"] == {new.digest()}


def stored(offset: int, data: bytes) -> Event:
    return replace(write("log", 0, offset, data), flags=MAPPED)


def test_a_trace_is_not_cut_among_the_stores_of_one_look() -> None:
    events = [
        Event(kind=K.MAP, path="log", file=0, length=4096),
        stored(0, b"abc"),
        stored(5, b"abc"),
        Event(kind=K.MSYNC, path="log", file=0, length=4096),
        stored(0, b"xyz"),
    ]
    positions = [str(position) for position, _ in crash_states(LOG, events)]
    assert positions == ["before event 0", "after event 2", "after event 3", "after event 4"]


def test_an_msync_of_a_part_of_a_huge_mapping_takes_no_longer_than_what_is_pending() -> None:
    events = [
        Event(kind=K.TRUNCATE, path="log", file=0, offset=1 << 40),
        stored(1 << 13, b"x" * 4096),
        stored(1 << 39, b"x" * 4096),
        Event(kind=K.MSYNC, path="log", file=0, offset=4096, length=1 << 38),
    ]
    pending = Pending(LOG)
    for event in events:
        pending.apply(event)
    log = next(iter(pending.dirty))
    assert sorted(pending.nodes[log].durable_since) == [16, 17, 18, 19, 20, 21, 22, 23]  # type: ignore[union-attr]


def test_a_directory_that_came_and_went_is_forgotten_with_all_that_was_in_it() -> None:
    events = [
        Event(kind=K.MKDIR, path="d", file=0),
        Event(kind=K.CREATE, path="d/a", file=1),
        Event(kind=K.LINK, path="d/a", path_to="d/b", file=1),
        Event(kind=K.UNLINK, path="d/a", file=1),
        Event(kind=K.UNLINK, path="d/b", file=1),
        Event(kind=K.RMDIR, path="d", file=0),
        Event(kind=K.FSYNC, path=".", file=2),
        # Both are still open; what is done to them goes nowhere.
        write("d/b", 1, 0, b"x"),
        Event(kind=K.TRUNCATE, path="d/b", file=1, offset=4),
        Event(kind=K.ALLOCATE, path="d/b", file=1, length=4),
        Event(kind=K.FSYNC, path="d", file=0),
    ]
    pending = Pending(EMPTY)
    for event in events:
        pending.apply(event)
    assert len(pending.nodes) == 1
    assert not pending.names.pending
    assert not pending.dirty
    with pending.torn(write("d/b", 1, 0, b"xyz"), 2):
        assert not pending.dirty


def work(events: int) -> Iterator[Event]:
    """Appends with a sync, and now and then a state file replaced by rename, and a new log."""
    yield Event(kind=K.CREATE, path="log0", file=0)
    made, at, log = 1, 0, 0
    for number in range(events // 2):
        path = f"log{log}"
        if number % 50 == 49:
            yield Event(kind=K.CREATE, path="tmp", file=made)
            yield write("tmp", made, 0, b"state" * 10)
            yield Event(kind=K.FSYNC, path="tmp", file=made)
            yield Event(kind=K.RENAME, path="tmp", path_to="state", file=made)
            yield Event(kind=K.UNLINK, path=path, file=-1)
            log, at, made = made + 1, 0, made + 2
            yield Event(kind=K.CREATE, path=f"log{log}", file=log)
            yield Event(kind=K.FSYNC, path=".", file=-1)
            continue
        yield write(path, log, at, b"r" * 100)
        yield Event(kind=K.FDATASYNC, path=path, file=log)
        at += 100


SAMPLED_POSITIONS = 97
"""What is kept is counted at every so many positions; the trace repeats itself after 50 events."""


def most_kept_and_calls(events: int) -> tuple[int, int]:
    """Return how many objects a long trace keeps at most, and how many calls it takes."""
    most = positions = 0
    states = crash_states(EMPTY, work(events), is_within_writes=False)
    for _, pending in states:
        positions += 1
        assert len(pending.nodes) < 8
        if positions % SAMPLED_POSITIONS == 0:
            most = max(most, objects_below([states, pending]))
    assert positions > events // 2
    with counted_calls() as calls:
        for _ in crash_states(EMPTY, work(events), is_within_writes=False):
            pass
    return most, calls[0]


def objects_below(roots: list[object]) -> int:
    """Return how many objects some others hold on to; code, classes and modules left out."""
    shared = (type, ModuleType, FunctionType, CodeType, BuiltinFunctionType)
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) not in seen and not isinstance(each, shared):
            seen.add(id(each))
            waiting += gc.get_referents(each)
    return len(seen)


@contextlib.contextmanager
def counted_calls() -> Iterator[list[int]]:
    """Count the calls of this thread, of Python and of C: work by number and not by clock."""
    calls = [0]

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        calls[0] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def test_what_is_kept_stays_flat_and_work_linear_over_a_long_trace() -> None:
    short_kept, short_calls = most_kept_and_calls(2_000)
    long_kept, long_calls = most_kept_and_calls(10_000)
    assert 50 < short_kept < 5_000, "what is pending is a few files, and it is counted"
    assert long_kept < 1.1 * short_kept
    assert 4.9 < long_calls / short_calls < 5.1


def test_what_a_killed_boot_did_not_sync_is_still_pending_in_the_next() -> None:
    # Both traces number their files from 0, and mean different files.
    base = Image({"a": FileEntry(b"old"), "b": FileEntry(b"old")})
    first = [write("a", 0, 0, b"new")]
    second = [write("b", 0, 0, b"NEW"), Event(kind=K.FSYNC, path="b", file=0)]
    *_, (position, pending) = crash_states(base, second, earlier=[first])
    assert str(position) == "after event 2"
    found = list(images(pending, Model.POSIX, position))
    assert [one.image.entries for one in found] == [
        {"a": FileEntry(b"old"), "b": FileEntry(b"NEW")},
        {"a": FileEntry(b"new"), "b": FileEntry(b"NEW")},
    ]
    for one in found:
        assert rebuild(one.choice, base, second, earlier=[first]) == one.image


def test_a_synchronous_write_that_a_kill_cut_short_is_not_durable() -> None:
    state = replace(write("log", 0, 0, b"abcdef", result=2), is_synchronous=True)
    states = crash_states(LOG, [], earlier=[[state]])
    position, pending = next(states)
    contents = [one.image.entries["log"] for one in images(pending, Model.ORDERED, position)]
    assert contents == [FileEntry(b"0123456789"), FileEntry(b"ab23456789")]


def test_a_model_may_forget_what_only_a_weaker_one_needs() -> None:
    posix, ext4 = (Pending(EMPTY, weakest=model) for model in (Model.POSIX, Model.EXT4))
    for number in range(100):
        for event in (
            Event(kind=K.CREATE, path=f"new{number}", file=number),
            Event(kind=K.FSYNC, path=f"new{number}", file=number),
        ):
            posix.apply(event)
            ext4.apply(event)
    assert len(posix.names.pending) == 100
    assert not ext4.names.pending


def test_the_positions_of_a_trace_are_those_of_its_states_and_only_wanted_ones_are_made() -> None:
    events = [
        write("log", 0, 510, b"abc"),
        Event(kind=K.ATTRIBUTE, path="log"),
        replace(write("log", 0, 0, b"abc"), is_synchronous=True),
        stored(0, b"abc"),
        stored(5, b"abc"),
        Event(kind=K.REPLY, data=b"R", result=1),
        write("log", 0, 0, b"abc", result=-5),
    ]
    earlier = [[write("log", 0, 0, b"x"), Event(kind=K.REPLY, data=b"R", result=1)]]
    for before in ([], earlier):
        states = [position for position, _ in crash_states(LOG, events, earlier=before)]
        first = sum(len(trace) for trace in before)
        assert list(crash_positions(events, first=first)) == states
        wanted = {states[0], states[2], states[-1]}
        some = [at for at, _ in crash_states(LOG, events, earlier=before, wanted=wanted)]
        assert some == [states[0], states[2], states[-1]]
