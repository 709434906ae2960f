"""Persistence models, by small traces whose images can be listed on paper."""

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from disk_events import DIRECTORY_SYNC, create, fdatasync, fsync, rename, truncate, write

from walcrash.disk import ImageBuilder, Pending, count_states, every_state, images
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.image import DirectoryEntry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.moments import CrashPosition
from walcrash.values.seed import Prng

K = EventKind
SECTOR = 4
JOURNALLED = (Model.ORDERED, Model.EXT4)

Shown = dict[str, bytes | str]


def unlink(path: str, file: int) -> Event:
    return Event(kind=K.UNLINK, path=path, file=file)


def mkdir(path: str, file: int) -> Event:
    return Event(kind=K.MKDIR, path=path, file=file)


def base_of(**files: bytes) -> Image:
    return Image({name: FileEntry(content) for name, content in files.items()})


def replayed(base: Image, events: Sequence[Event]) -> Pending:
    pending = Pending(base, sector_bytes=SECTOR)
    for event in events:
        pending.apply(event)
    return pending


def shown(image: Image) -> Shown:
    found: Shown = {}
    for name, entry in image.entries.items():
        if isinstance(entry, FileEntry):
            found[name] = entry.content
        elif isinstance(entry, SymlinkEntry):
            found[name] = f"-> {entry.target}"
        else:
            found[name] = f"= {entry.first_name}" if isinstance(entry, LinkEntry) else "/"
    return found


def left(base: Image, events: Sequence[Event], model: Model) -> list[Shown]:
    """List the distinct images that a model allows at the end of a trace."""
    pending = replayed(base, events)
    builder = ImageBuilder(pending)
    found: list[Shown] = []
    for state in every_state(pending, model):
        image = shown(builder.build_state(state))
        if image not in found:
            found.append(image)
    return found


def contents(images: Iterable[Shown], name: str) -> set[bytes | str | None]:
    return {image.get(name) for image in images}


OLD = base_of(log=b"")


def test_an_append_that_is_not_synced_may_be_cut_at_each_sector() -> None:
    trace = [write("log", 0, 0, b"aaaabbbb")]
    assert contents(left(OLD, trace, Model.ORDERED), "log") == {b"", b"aaaa", b"aaaabbbb"}


def test_on_ext4_an_append_may_be_shorter_or_zeros_and_never_stale() -> None:
    trace = [write("log", 0, 0, b"aaaabbbb")]
    zeros = bytes(4)
    assert contents(left(OLD, trace, Model.EXT4), "log") == {
        b"", b"aaaa", zeros, b"aaaabbbb", b"aaaa" + zeros, zeros + b"bbbb", zeros + zeros,
    }  # fmt: skip


def test_on_posix_the_space_behind_a_grown_size_may_hold_stale_bytes() -> None:
    ext4, posix = (left(OLD, [write("log", 0, 0, b"aaaa")], m) for m in (Model.EXT4, Model.POSIX))
    stale = contents(posix, "log") - contents(ext4, "log")
    assert len(stale) == 1
    assert all(isinstance(content, bytes) and any(content) for content in stale)


def rubbish(trace: Sequence[Event], base: Image, name: str = "new") -> set[bytes | str | None]:
    """Return what only stale bytes explain."""
    ext4, posix = (contents(left(base, trace, model), name) for model in (Model.EXT4, Model.POSIX))
    return {content for content in posix - ext4 if content is not None}


GROWN = [create("new", 1), write("new", 1, 0, b"NNNNMMMM")]


@pytest.mark.parametrize(
    "gone",
    [
        [unlink("old", 0)],
        [unlink("old", 0), DIRECTORY_SYNC],
        [create("tmp", 2), rename("tmp", "old", 2)],
    ],
)
def test_stale_bytes_are_those_of_a_file_that_was_removed_or_replaced(gone: list[Event]) -> None:
    found = rubbish([*gone, *GROWN], base_of(old=b"ooooppppqqqq"))
    assert found == {
        b"oooo", b"oooopppp", b"ooooMMMM", b"NNNNpppp", b"oooo" + bytes(4), bytes(4) + b"pppp",
    }  # fmt: skip


def test_the_sector_that_the_durable_size_ends_in_has_no_stale_bytes() -> None:
    """The one that was accused: a log of which a header was synced, and then appended to."""
    base = base_of(old=b"ooooppppqqqq", new=b"NN")
    trace = [unlink("old", 0), DIRECTORY_SYNC, write("new", 1, 2, b"NNMMMM")]
    assert rubbish(trace, base) == {b"NN\0\0pppp", b"NNNNpppp"}


def test_stale_bytes_come_from_the_same_place_of_the_last_file_that_has_any_there() -> None:
    base = base_of(first=b"aaaabbbb", second=b"cccc")
    trace = [unlink("first", 0), unlink("second", 2), *GROWN]
    assert b"ccccbbbb" in rubbish(trace, base)


def test_a_file_that_has_another_name_left_gives_no_stale_bytes() -> None:
    base = Image({"old": FileEntry(b"oooopppp"), "other": LinkEntry("old")})
    found = rubbish([unlink("old", 0), *GROWN], base)
    assert found
    assert not any(b"oooo" in content for content in found if isinstance(content, bytes))
    last = [unlink("old", 0), unlink("other", 0), *GROWN]
    assert b"oooopppp" in rubbish(last, base)


def test_a_file_does_not_look_like_the_one_that_it_has_replaced_but_like_an_older_one() -> None:
    second = [create("tmp", 2), write("tmp", 2, 0, b"old2"), fsync("tmp", 2)]
    third = [create("tmp", 3), write("tmp", 3, 0, b"new!"), rename("tmp", "state", 3)]
    trace = [*second, rename("tmp", "state", 2), DIRECTORY_SYNC, *third]
    found = rubbish(trace, base_of(state=b"old1"), "state")
    # The older rename is durable, so its size is there in both models, and zeros are no news.
    assert found == {b"", b"old1"}


def test_stale_bytes_of_another_file_change_no_count() -> None:
    removed = replayed(base_of(old=b"ooooppppqqqq"), [unlink("old", 0), DIRECTORY_SYNC, *GROWN])
    plain = replayed(base_of(), [fsync(".", 99), DIRECTORY_SYNC, *GROWN])
    assert count_states(removed, Model.POSIX) == count_states(plain, Model.POSIX)


@pytest.mark.parametrize("sync", [fsync("log", 0), fdatasync("log", 0)])
@pytest.mark.parametrize("model", list(Model))
def test_a_synced_append_is_kept(model: Model, sync: Event) -> None:
    trace = [write("log", 0, 0, b"aaaabbbb"), sync]
    assert left(OLD, trace, model) == [{"log": b"aaaabbbb"}]


@pytest.mark.parametrize(
    "sync",
    [
        fsync("log", 0, result=-5),
        Event(kind=K.SYNC_RANGE, path="log", file=0, length=8),
        Event(kind=K.REPLY, data=b"R", result=1),
    ],
)
@pytest.mark.parametrize("model", [Model.ORDERED, Model.EXT4, Model.POSIX])
def test_a_failed_sync_and_sync_file_range_promise_nothing(model: Model, sync: Event) -> None:
    trace = [write("log", 0, 0, b"aaaa")]
    assert left(OLD, [*trace, sync], model) == left(OLD, trace, model)


def stored(offset: int, data: bytes) -> Event:
    return replace(write("log", 0, offset, data), flags=MAPPED)


def msync(offset: int, length: int, result: int = 0) -> Event:
    return Event(
        kind=K.MSYNC, path="log", file=0, offset=offset, length=length, flags=4, result=result
    )


def test_pages_that_were_stored_to_may_be_kept_in_any_subset_and_in_order_only_on_ordered() -> None:
    base = base_of(log=b"0" * 12)
    trace = [stored(0, b"aaaa"), stored(8, b"cccc")]
    assert contents(left(base, trace, Model.KILL), "log") == {b"aaaa0000cccc"}
    prefixes: set[bytes | str | None] = {b"000000000000", b"aaaa00000000", b"aaaa0000cccc"}
    assert contents(left(base, trace, Model.ORDERED), "log") == prefixes
    for model in (Model.EXT4, Model.POSIX):
        assert contents(left(base, trace, model), "log") == {*prefixes, b"00000000cccc"}


@pytest.mark.parametrize("model", [Model.EXT4, Model.POSIX])
def test_an_msync_keeps_the_pages_of_its_range_and_no_others(model: Model) -> None:
    base = base_of(log=b"0" * 12)
    trace = [stored(0, b"aaaa"), stored(8, b"cccc"), msync(8, 4)]
    assert contents(left(base, trace, model), "log") == {b"00000000cccc", b"aaaa0000cccc"}
    assert left(base, [*trace, msync(0, 12)], model) == [{"log": b"aaaa0000cccc"}]
    failed = [*trace[:2], msync(8, 4, -12)]
    assert left(base, failed, model) == left(base, trace[:2], model)


@pytest.mark.parametrize("model", [Model.ORDERED, Model.EXT4, Model.POSIX])
def test_an_msync_keeps_the_size_that_its_pages_need(model: Model) -> None:
    trace = [truncate("log", 0, 8), stored(0, b"aaaa"), msync(0, 4)]
    assert left(OLD, trace, model) == [{"log": b"aaaa" + bytes(4)}]


def test_a_new_name_is_durable_with_its_file_on_ext4_and_with_its_directory_on_posix() -> None:
    trace = [create("new", 0), write("new", 0, 0, b"aaaa"), fsync("new", 0)]
    kept: list[Shown] = [{"new": b"aaaa"}]
    assert left(Image({}), trace, Model.EXT4) == kept
    assert left(Image({}), trace, Model.POSIX) == [{}, *kept]
    assert left(Image({}), [*trace, DIRECTORY_SYNC], Model.POSIX) == kept


def test_an_fsync_of_the_directory_alone_keeps_the_name_and_not_the_content() -> None:
    trace = [create("new", 0), write("new", 0, 0, b"aaaa"), DIRECTORY_SYNC]
    assert contents(left(Image({}), trace, Model.EXT4), "new") == {b"", bytes(4), b"aaaa"}


REPLACE = [create("tmp", 0), write("tmp", 0, 0, b"new!"), rename("tmp", "state", 0)]


def test_ext4_gives_a_file_that_replaces_another_its_size_with_the_name_and_maybe_zeros() -> None:
    images = left(base_of(state=b"old!"), REPLACE, Model.EXT4)
    assert contents(images, "state") == {b"old!", b"new!", bytes(4)}


def test_posix_may_rename_before_the_content_is_there() -> None:
    images = left(base_of(state=b"old!"), REPLACE, Model.POSIX)
    assert {b"", b"old!", b"new!", bytes(4)} < contents(images, "state")


def test_ext4_may_leave_a_file_empty_that_was_renamed_to_a_name_of_its_own() -> None:
    assert b"" in contents(left(Image({}), REPLACE, Model.EXT4), "state")


def test_with_an_fsync_before_the_rename_there_is_the_old_or_the_new() -> None:
    trace = [*REPLACE[:2], fsync("tmp", 0), REPLACE[2]]
    assert contents(left(base_of(state=b"old!"), trace, Model.POSIX), "state") == {b"old!", b"new!"}


def test_a_rename_may_leave_both_names_on_posix_but_never_neither() -> None:
    images = left(base_of(a=b"data"), [rename("a", "b", 0)], Model.POSIX)
    assert images == [{"a": b"data"}, {"a": b"data", "b": "= a"}, {"b": b"data"}]
    assert left(base_of(a=b"data"), [rename("a", "b", 0)], Model.EXT4) == [images[0], images[2]]


def test_a_source_directory_that_is_synced_takes_the_target_along() -> None:
    base = Image({"d": DirectoryEntry(), "d/a": FileEntry(b"data")})
    trace = [rename("d/a", "a", 0), fsync("d", 1)]
    assert left(base, trace, Model.POSIX) == [{"a": b"data", "d": "/"}]


def test_a_chain_of_renames_never_loses_the_file_on_posix() -> None:
    trace = [rename("a", "b", 0), rename("b", "c", 0)]
    for image in left(base_of(a=b"data"), trace, Model.POSIX):
        assert b"data" in image.values()


def test_a_rename_whose_new_name_was_synced_ties_the_old_one_to_nothing_that_comes_later() -> None:
    base = Image({"d": DirectoryEntry(), "d/a": FileEntry(b"data")})
    trace = [rename("d/a", "b", 0), DIRECTORY_SYNC, unlink("b", 0)]
    for rest in ([], [create("b", 1)]):
        images = left(base, [*trace, *rest], Model.POSIX)
        assert {"b": b"data", "d": "/"} in images
        assert {"d": "/"} in images
        assert {shown.get("b") for shown in images if "d/a" not in shown} >= {b"data", None}


def test_a_sync_of_a_file_whose_last_name_is_gone_may_be_for_nothing_on_posix() -> None:
    base = base_of(log=b"old!", new=b"new!")
    replaced = [rename("new", "log", 1), write("log", 0, 0, b"more")]
    for sync in (fsync("log", 0), fdatasync("log", 0)):
        assert contents(left(base, [*replaced, sync], Model.POSIX), "log") == {
            b"old!", b"more", b"new!",
        }  # fmt: skip
        assert contents(left(base, [*replaced, sync], Model.EXT4), "log") <= {b"more", b"new!"}
    through = [replaced[0], write("log", 0, 2, b"more", sync=True)]
    assert b"old!" in contents(left(base, through, Model.POSIX), "log")
    assert b"old!" not in contents(left(base, through, Model.EXT4), "log")


def test_a_sync_counts_for_a_file_with_another_name_and_for_one_that_never_had_any() -> None:
    linked = Image({"a": FileEntry(b"old!"), "b": LinkEntry("a")})
    trace = [unlink("a", 0), write("b", 0, 0, b"more"), fsync("b", 0)]
    shown = left(linked, trace, Model.POSIX)
    assert shown
    assert all(b"more" in one.values() for one in shown)

    nameless = [Event(kind=K.CREATE, file=0, flags=os.O_TMPFILE | os.O_RDWR)]
    nameless += [write("", 0, 0, b"more"), fsync("", 0)]
    named = [*nameless, Event(kind=K.LINK, path_to="log", file=0), DIRECTORY_SYNC]
    assert contents(left(Image({}), named, Model.POSIX), "log") == {b"more"}

    everything = [unlink("log", 0), write("log", 0, 0, b"more"), Event(kind=K.SYNC_ALL)]
    assert left(base_of(log=b"old!"), everything, Model.POSIX) == [{}]


def test_a_second_name_of_a_symbolic_link_is_a_symbolic_link() -> None:
    made = Event(kind=K.SYMLINK, path="a", path_to="log")
    trace = [made, Event(kind=K.LINK, path="a", path_to="b", file=4), DIRECTORY_SYNC]
    both, one = {"a": "-> log", "b": "-> log"}, {"a": "-> log"}
    assert left(Image({}), trace, Model.POSIX) == [both]
    assert left(Image({}), trace[:2], Model.EXT4) == [{}, one, both]
    assert left(Image({}), [*trace, unlink("b", 4), DIRECTORY_SYNC], Model.POSIX) == [one]


MOVED_AND_MADE_ANEW = [rename("e", "d/e", 1), mkdir("e", 2), create("e/new", 3)]


def test_a_directory_that_was_never_durable_may_be_nowhere_once_its_old_name_is_anothers() -> None:
    base = Image({"a": FileEntry(b"data"), "d": DirectoryEntry()})
    trace = [mkdir("e", 1), *MOVED_AND_MADE_ANEW, fsync("e/new", 3)]
    assert {"a": b"data", "d": "/", "e": "/", "e/new": b""} in left(base, trace, Model.POSIX)
    assert all("d/e" in shown for shown in left(base, [*trace, fsync("d", 4)], Model.POSIX))

    with_file = [trace[0], rename("a", "e/a", 0), *trace[1:]]
    images = left(base, with_file, Model.POSIX)
    assert {"a": b"data", "d": "/", "e": "/", "e/new": b""} in images
    assert not [shown for shown in images if "e/new" in shown and b"data" not in shown.values()]


def test_a_directory_that_was_durable_is_somewhere_whoever_has_its_old_name() -> None:
    base = Image({"d": DirectoryEntry(), "e": DirectoryEntry(), "e/old": FileEntry(b"data")})
    synced = [mkdir("e", 1), create("e/old", 2), fsync(".", 9)]
    for before, trace in ((base, []), (Image({"d": DirectoryEntry()}), synced)):
        for shown in left(before, [*trace, *MOVED_AND_MADE_ANEW], Model.POSIX):
            assert "d/e" in shown or ("e" in shown and "e/new" not in shown)


def test_an_exchange_and_a_rename_of_a_directory_are_whole_on_posix() -> None:
    swap = [rename("a", "b", 0, flags=2)]
    assert left(base_of(a=b"1", b=b"2"), swap, Model.POSIX) == [
        {"a": b"1", "b": b"2"},
        {"a": b"2", "b": b"1"},
    ]
    base = Image({"d": DirectoryEntry(), "d/a": FileEntry(b"data")})
    assert left(base, [rename("d", "e", 0)], Model.POSIX) == [
        {"d": "/", "d/a": b"data"},
        {"e": "/", "e/a": b"data"},
    ]


def test_a_synchronous_write_makes_its_own_sectors_durable_and_no_others() -> None:
    trace = [write("log", 0, 0, b"aaaa"), write("log", 0, 4, b"bbbb", sync=True)]
    found = contents(left(OLD, trace, Model.POSIX), "log")
    assert all(isinstance(content, bytes) and content[4:] == b"bbbb" for content in found)
    assert {b"aaaabbbb", bytes(4) + b"bbbb"} < found
    assert left(OLD, trace, Model.ORDERED) == [{"log": b"aaaabbbb"}]


def test_what_a_synchronous_write_has_covered_does_not_come_back_in_any_prefix() -> None:
    trace = [
        write("log", 0, 4, b"cccc"),
        write("log", 0, 0, b"old!"),
        write("log", 0, 0, b"new!", sync=True),
        write("log", 0, 8, b"dddd"),
    ]
    pending = replayed(OLD, trace)
    for model in (*JOURNALLED, Model.POSIX):
        found = images(pending, model, CrashPosition(3), prng=Prng(1), drawn=20)
        logs = contents((shown(one.image) for one in found), "log")
        assert all(isinstance(log, bytes) and log[:4] == b"new!" for log in logs)
        assert logs <= contents(left(OLD, trace, model), "log")


def test_a_synchronous_write_that_grows_its_file_commits_names_on_ext4_and_not_on_posix() -> None:
    trace = [create("new", 1), write("log", 0, 0, b"aaaa", sync=True)]
    assert contents(left(OLD, trace, Model.EXT4), "new") == {b""}
    assert contents(left(OLD, trace, Model.POSIX), "new") == {None, b""}
    base = base_of(log=b"0000")
    assert contents(left(base, trace, Model.EXT4), "new") == {None, b""}


def test_what_is_written_to_a_replaced_file_is_seen_if_the_rename_is_lost() -> None:
    base = base_of(log=b"old!", tmp=b"new!")
    # The replaced file is still open, and was not seen before; it goes by the name that it had.
    trace = [rename("tmp", "log", 0), write("log", 1, 0, b"late")]
    images = left(base, trace, Model.POSIX)
    assert contents(images, "log") == {b"old!", b"late", b"new!"}
    assert {"log": b"late", "tmp": b"new!"} in images


def test_a_later_write_over_a_synchronous_one_may_be_lost_again() -> None:
    trace = [
        write("log", 0, 4, b"cccc"),
        write("log", 0, 0, b"aaaa", sync=True),
        write("log", 0, 0, b"bbbb"),
    ]
    found = contents(left(OLD, trace, Model.POSIX), "log")
    assert {str(content)[2:6] for content in found} == {"aaaa", "bbbb"}


def test_overwritten_sectors_go_to_disk_in_any_order() -> None:
    base = base_of(log=b"aaaabbbb")
    trace = [write("log", 0, 0, b"1111"), write("log", 0, 4, b"2222")]
    assert b"aaaa2222" not in contents(left(base, trace, Model.ORDERED), "log")
    for model in (Model.EXT4, Model.POSIX):
        assert contents(left(base, trace, model), "log") == {
            b"aaaabbbb", b"1111bbbb", b"aaaa2222", b"11112222",
        }  # fmt: skip


TRUNCATED_AND_REFILLED = [truncate("log", 0, 0), write("log", 0, 0, b"new!")]


def test_on_ext4_what_was_cut_never_comes_back_under_the_new_size() -> None:
    base = base_of(log=b"old!tail")
    found = contents(left(base, TRUNCATED_AND_REFILLED, Model.EXT4), "log")
    assert found == {b"old!tail", b"", bytes(4), b"new!"}


def test_on_posix_a_cut_and_what_follows_it_are_independent() -> None:
    found = contents(left(base_of(log=b"old!tail"), TRUNCATED_AND_REFILLED, Model.POSIX), "log")
    assert {b"new!tail", b"old!", b"old!tail", b"", b"new!"} < found


def test_on_ext4_a_tail_that_was_cut_inside_a_sector_is_zeros_when_the_file_grows_again() -> None:
    trace = [truncate("log", 0, 2), write("log", 0, 6, b"zz")]
    base, zeros = base_of(log=b"abcdefgh"), bytes(4)
    found = contents(left(base, trace, Model.EXT4), "log")
    # Before the cut is committed the zeros may be there already, in a block that is torn.
    assert {b"ab" + zeros + b"zz", b"ab" + bytes(6), b"abcd" + bytes(4), b"abcdefgh"} < found
    committed = contents(left(base, [*trace, DIRECTORY_SYNC], Model.EXT4), "log")
    assert committed == {b"ab", b"ab" + bytes(6), b"ab" + zeros + b"zz"}


def test_ordered_takes_a_sync_of_any_file_as_a_barrier_and_ext4_that_of_a_changed_one() -> None:
    base = base_of(log=b"", other=b"x")
    trace = [write("log", 0, 0, b"aaaa"), fsync("other", 1)]
    assert left(base, trace, Model.ORDERED) == [{"log": b"aaaa", "other": b"x"}]
    assert contents(left(base, trace, Model.EXT4), "log") == {b"", bytes(4), b"aaaa"}
    names = [create("new", 2), fsync("other", 1)]
    assert contents(left(base, names, Model.EXT4), "new") == {None, b""}
    # Within a tick of the clock an overwrite in place does not change the inode.
    overwritten = [create("new", 2), write("other", 1, 0, b"y"), fsync("other", 1)]
    assert contents(left(base, overwritten, Model.EXT4), "new") == {None, b""}
    grown = [create("new", 2), write("other", 1, 0, b"yy"), fsync("other", 1)]
    assert contents(left(base, grown, Model.EXT4), "new") == {b""}
    assert contents(left(base, grown, Model.POSIX), "new") == {None, b""}


def test_an_fdatasync_after_an_overwrite_does_not_commit_names_on_ext4() -> None:
    trace = [create("new", 2), write("log", 0, 0, b"bbbb"), fdatasync("log", 0)]
    images = left(base_of(log=b"aaaa"), trace, Model.EXT4)
    assert contents(images, "new") == {None, b""}
    assert contents(images, "log") == {b"bbbb"}


def test_a_directory_that_is_not_durable_takes_what_is_in_it_along() -> None:
    trace = [mkdir("d", 0), create("d/a", 1), fsync("d/a", 1), fsync("d", 0)]
    assert left(Image({}), trace, Model.POSIX) == [{}, {"d": "/", "d/a": b""}]
    assert left(Image({}), trace, Model.EXT4) == [{"d": "/", "d/a": b""}]


def test_an_unlink_may_come_undone_until_the_directory_is_synced() -> None:
    trace = [unlink("a", 0)]
    for model in (*JOURNALLED, Model.POSIX):
        assert left(base_of(a=b"data"), trace, model) == [{"a": b"data"}, {}]
        assert left(base_of(a=b"data"), [*trace, DIRECTORY_SYNC], model) == [{}]


def test_two_names_of_one_file_have_one_content() -> None:
    base = Image({"a": FileEntry(b"old!"), "b": LinkEntry("a")})
    images = left(base, [write("b", 0, 0, b"new!")], Model.POSIX)
    assert images == [{"a": b"old!", "b": "= a"}, {"a": b"new!", "b": "= a"}]


def close(path: str, file: int) -> Event:
    return Event(kind=K.CLOSE, path=path, file=file)


LATER = [DIRECTORY_SYNC]
"""What commits the journal."""


def test_ext4_gives_blocks_to_a_file_that_was_cut_to_nothing_when_it_is_closed() -> None:
    base = base_of(log=b"old!tail", other=b"x")
    torn = {b"", bytes(4), b"new!"}
    # Until the journal is committed the cut may be there without what came after it.
    closed = [*TRUNCATED_AND_REFILLED, close("log", 0)]
    assert contents(left(base, closed, Model.EXT4), "log") == {b"old!tail", *torn}
    assert contents(left(base, [*closed, *LATER], Model.EXT4), "log") == {bytes(4), b"new!"}
    assert contents(left(base, [*TRUNCATED_AND_REFILLED, *LATER], Model.EXT4), "log") == torn
    posix = contents(left(base, [*closed, fsync("other", 1)], Model.POSIX), "log")
    assert {b"old!tail", *torn} < posix


def test_a_name_that_is_made_after_the_close_is_not_there_without_the_size() -> None:
    base = base_of(log=b"old!tail")
    trace = [*TRUNCATED_AND_REFILLED, close("log", 0), create("mark", 2)]
    for image in left(base, trace, Model.EXT4):
        assert "mark" not in image or image["log"] in (b"new!", bytes(4))
    assert any("mark" in image for image in left(base, trace, Model.EXT4))


def test_a_close_promises_nothing_of_what_is_written_after_it() -> None:
    trace = [*TRUNCATED_AND_REFILLED, close("log", 0), write("log", 0, 4, b"more"), *LATER]
    found = contents(left(base_of(log=b"old!", other=b"x"), trace, Model.EXT4), "log")
    halves = itertools.product((b"new!", bytes(4)), (b"more", bytes(4), b""))
    assert found == {first + second for first, second in halves}


def test_a_close_promises_nothing_of_a_file_that_was_not_cut_to_nothing() -> None:
    trace = [truncate("log", 0, 4), write("log", 0, 0, b"new!"), close("log", 0), *LATER]
    found = contents(left(base_of(log=b"old!tail", other=b"x"), trace, Model.EXT4), "log")
    # What it had was cut inside a block, which is written before the cut is committed.
    assert found == {b"old!", b"new!"}


def test_a_close_promises_nothing_where_blocks_were_asked_for() -> None:
    allocated = Event(kind=K.ALLOCATE, path="log", file=0, offset=0, length=4)
    trace = [truncate("log", 0, 0), allocated, write("log", 0, 0, b"new!"), close("log", 0)]
    found = contents(left(base_of(log=b"old!", other=b"x"), [*trace, *LATER], Model.EXT4), "log")
    assert found == {bytes(4), b"new!"}


def test_the_end_of_a_boot_closes_what_was_open() -> None:
    pending = replayed(base_of(log=b"old!tail", other=b"x"), [])
    pending.apply_boot(TRUNCATED_AND_REFILLED)
    pending.apply(DIRECTORY_SYNC)
    builder = ImageBuilder(pending)
    found = [shown(builder.build_state(state)) for state in every_state(pending, Model.EXT4)]
    assert contents(found, "log") == {bytes(4), b"new!"}


def test_a_rename_over_another_name_does_not_write_out_what_has_its_blocks() -> None:
    base = base_of(tmp=b"aaaa", state=b"old!")
    trace = [write("tmp", 0, 0, b"bbbb"), rename("tmp", "state", 0)]
    assert contents(left(base, trace, Model.EXT4), "state") == {b"old!", b"aaaa", b"bbbb"}
