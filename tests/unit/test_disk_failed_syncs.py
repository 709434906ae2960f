"""Failed syncs: what they do not write stays out of later ones, until it is written again."""

import errno
from dataclasses import replace

import pytest
from test_disk_models import (
    OLD,
    Shown,
    base_of,
    contents,
    create,
    fdatasync,
    fsync,
    rename,
    shown,
    stored,
    truncate,
    write,
)

from walcrash.disk import ImageBuilder, Pending, every_state, images, rebuild
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import INJECTED, Event, EventKind
from walcrash.values.image import Image
from walcrash.values.moments import CrashPosition

SECTOR = 4
BLOCK = 8
WEAK = (Model.EXT4, Model.POSIX)
APPENDED = write("log", 0, 0, b"aaaabbbbcccc")
FAILED = fsync("log", 0, result=-errno.EIO)
DONE = fsync("log", 0)
ZEROS = bytes(4)


def left(base: Image, events: list[Event], model: Model) -> list[Shown]:
    pending = Pending(base, sector_bytes=SECTOR, block_bytes=BLOCK)
    for event in events:
        pending.apply(event)
    builder = ImageBuilder(pending)
    found: list[Shown] = []
    for state in every_state(pending, model):
        image = shown(builder.build_state(state))
        if image not in found:
            found.append(image)
    return found


def logs(events: list[Event], model: Model, base: Image = OLD) -> set[bytes | str | None]:
    return contents(left(base, events, model), "log")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("later", [DONE, fdatasync("log", 0), Event(kind=EventKind.SYNC_ALL)])
@pytest.mark.parametrize("model", WEAK)
def test_a_sync_that_succeeds_after_a_failed_one_covers_no_content(
    model: Model, later: Event, number: int
) -> None:
    found = logs([APPENDED, fsync("log", 0, result=-number), later], model)
    assert {ZEROS * 3, b"aaaa" + ZEROS * 2, ZEROS * 2 + b"cccc", b"aaaabbbbcccc"} <= found
    assert {len(log) for log in found if isinstance(log, bytes)} == (
        {12} if model is Model.EXT4 else {0, 8, 12}
    )


APPENDED_TWO = write("log", 0, 8, b"aaaabbbbccccdddd")


def sizes(events: list[Event], model: Model) -> set[int]:
    found = logs(events, model, base_of(log=b"old!____"))
    assert all(isinstance(log, bytes) and log[:4] in (b"old!", b"new!") for log in found)
    return {len(log) for log in found if isinstance(log, bytes)}


def test_blocks_that_were_lost_at_the_end_may_leave_the_old_size_as_on_xfs() -> None:
    """Measured on XFS: the size is the old one though a later fsync has returned 0."""
    lost = [APPENDED_TWO, FAILED]
    for later in ([DONE], [DONE, DONE], [write("log", 0, 0, b"new!"), DONE]):
        assert sizes([*lost, *later], Model.POSIX) == {8, 16, 24}
        assert sizes([*lost, *later], Model.EXT4) == {24}


def test_the_size_is_certain_where_a_block_behind_it_was_written_or_it_was_set() -> None:
    lost = [APPENDED_TWO, FAILED]
    assert sizes([*lost, write("log", 0, 16, b"E"), DONE], Model.POSIX) == {24}
    assert sizes([*lost, write("log", 0, 24, b"E"), DONE], Model.POSIX) == {25}
    assert sizes([*lost, write("log", 0, 8, b"E"), DONE], Model.POSIX) == {16, 24}
    assert sizes([*lost, DONE, truncate("log", 0, 20), DONE], Model.POSIX) == {20}
    through = replace(write("log", 0, 24, b"E"), is_synchronous=True)
    assert sizes([*lost, DONE, through], Model.POSIX) == {25}


def test_ordered_takes_the_later_sync_as_a_barrier() -> None:
    assert logs([APPENDED, FAILED, DONE], Model.ORDERED) == {b"aaaabbbbcccc"}


@pytest.mark.parametrize("model", WEAK)
def test_a_block_that_is_changed_again_is_covered_as_a_whole_and_others_are_not(
    model: Model,
) -> None:
    found = logs([APPENDED, FAILED, write("log", 0, 5, b"x"), DONE], model)
    assert {log[:8] for log in found if isinstance(log, bytes)} == {b"aaaabxbb"}
    assert {b"aaaabxbb" + ZEROS, b"aaaabxbbcccc"} <= found


@pytest.mark.parametrize("model", WEAK)
def test_an_append_behind_what_was_lost_does_not_bring_it_back(model: Model) -> None:
    found = logs([APPENDED, FAILED, write("log", 0, 16, b"dddd"), DONE], model)
    assert all(isinstance(log, bytes) and log[16:] == b"dddd" for log in found)
    assert ZEROS * 4 + b"dddd" in found


@pytest.mark.parametrize("model", WEAK)
def test_what_was_written_again_and_synced_is_kept(model: Model) -> None:
    assert logs([APPENDED, FAILED, APPENDED, DONE], model) == {b"aaaabbbbcccc"}


@pytest.mark.parametrize("model", WEAK)
def test_what_was_durable_before_stays(model: Model) -> None:
    found = logs([FAILED, DONE], model, base_of(log=b"old!"))
    assert found == {b"old!"}
    over = [write("log", 0, 0, b"new!"), FAILED, DONE]
    assert logs(over, model, base_of(log=b"old!")) == {b"old!", b"new!"}


@pytest.mark.parametrize("model", WEAK)
def test_an_error_that_says_that_nothing_was_tried_loses_nothing(model: Model) -> None:
    not_tried = fsync("log", 0, result=-errno.EINTR)
    assert logs([APPENDED, not_tried, DONE], model) == {b"aaaabbbbcccc"}


@pytest.mark.parametrize("model", WEAK)
def test_a_cut_after_the_failure_is_in_the_journal_and_needs_no_page(model: Model) -> None:
    assert logs([APPENDED, FAILED, truncate("log", 0, 0), DONE], model) == {b""}
    before = [truncate("log", 0, 0), write("log", 0, 0, b"new!"), FAILED, DONE]
    found = logs(before, model, base_of(log=b"old!tail"))
    assert b"old!" not in found
    assert {b"new!", ZEROS} <= found


@pytest.mark.parametrize("model", WEAK)
def test_a_failed_msync_loses_the_pages_of_its_range(model: Model) -> None:
    base = base_of(log=b"0" * 24)
    failed = Event(
        kind=EventKind.MSYNC, path="log", file=0, offset=8, length=8, flags=4, result=-errno.EIO
    )
    trace = [stored(0, b"a" * 24), failed, DONE]
    middles = (b"0" * 8, b"aaaa0000", b"0000aaaa", b"a" * 8)
    assert logs(trace, model, base) == {b"a" * 8 + middle + b"a" * 8 for middle in middles}


def test_ext4_renames_without_what_a_failed_sync_has_marked_as_clean() -> None:
    trace = [
        create("tmp", 0), write("tmp", 0, 0, b"new!"), fsync("tmp", 0, result=-errno.EIO),
        rename("tmp", "state", 0),
    ]  # fmt: skip
    found = contents(left(base_of(state=b"old!"), trace, Model.EXT4), "state")
    assert {b"old!", b"new!", ZEROS} <= found


def test_lost_sectors_may_be_stale_on_posix_and_are_zeros_on_ext4() -> None:
    trace = [APPENDED, FAILED, DONE]
    stale = logs(trace, Model.POSIX) - logs(trace, Model.EXT4)
    assert any(isinstance(log, bytes) and all(log) for log in stale)
    # Once the space is given for certain, a later write over it is old or new.
    later = [APPENDED, FAILED, APPENDED, DONE, write("log", 0, 0, b"AAAA")]
    assert logs(later, Model.POSIX) == {b"aaaabbbbcccc", b"AAAAbbbbcccc"}


def test_the_first_choice_keeps_nothing_of_what_was_lost_and_can_be_rebuilt() -> None:
    events = [write("log", 0, 0, b"a" * 5000), FAILED, DONE]
    pending = Pending(OLD)
    for event in events:
        pending.apply(event)
    position = CrashPosition(2)
    for model in WEAK:
        found = list(images(pending, model, position))
        assert shown(found[0].image) == {"log": bytes(5000 if model is Model.EXT4 else 0)}
        assert len(found) > 3
        for one in found:
            assert rebuild(one.choice, OLD, events) == one.image


def test_a_retry_loop_keeps_no_more_than_what_is_lost() -> None:
    pending = Pending(OLD)
    pending.apply(write("log", 0, 0, b"a" * 4096))
    pending.apply(FAILED)
    for number in range(1, 200):
        pending.apply(write("log", 0, 4096 * number, b"b" * 4096))
        pending.apply(DONE)
    (log,) = (pending.nodes[number] for number in pending.dirty)
    assert len(log.extents) == 1  # type: ignore[union-attr]


LATE = replace(DONE, flags=INJECTED)


@pytest.mark.parametrize("model", WEAK)
def test_a_sync_that_fails_late_counts_until_the_next_one_says_so(model: Model) -> None:
    whole = b"aaaabbbbcccc"
    assert logs([APPENDED, LATE], model) == {whole}
    found = logs([APPENDED, LATE, FAILED], model)
    assert {ZEROS * 3, whole} <= found
    assert found == logs([APPENDED, FAILED], model)
    # The page is clean: what is written behind it does not bring it back.
    behind = [write("log", 0, 16, b"dddd"), DONE]
    assert ZEROS * 4 + b"dddd" in logs([APPENDED, LATE, FAILED, *behind], model)
    assert logs([APPENDED, LATE, FAILED, APPENDED, DONE], model) == {whole}


@pytest.mark.parametrize("model", WEAK)
def test_what_was_written_since_a_late_failure_is_dirty_still(model: Model) -> None:
    trace = [APPENDED, LATE, write("log", 0, 12, b"dddd"), FAILED]
    assert ZEROS * 4 in logs(trace, model)
    found = logs([*trace, DONE], model)
    # One block was clean; the other has changed since, and is written as a whole.
    assert found >= {ZEROS * 2 + b"ccccdddd", b"aaaabbbbccccdddd"}
    assert {log[8:] for log in found if isinstance(log, bytes)} == {b"ccccdddd"}


@pytest.mark.parametrize("model", WEAK)
def test_a_late_failure_that_nobody_is_told_of_loses_nothing(model: Model) -> None:
    everything = Event(kind=EventKind.SYNC_ALL)
    assert logs([APPENDED, LATE, everything, FAILED], model) == {b"aaaabbbbcccc"}


def test_ordered_takes_a_late_failure_for_a_sync() -> None:
    assert logs([APPENDED, LATE, FAILED], Model.ORDERED) == {b"aaaabbbbcccc"}
