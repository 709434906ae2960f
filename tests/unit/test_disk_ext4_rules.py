"""Rules of `ext4` and `posix` that a real ext4 has decided: trees that it left, and their twins.

Each tree that is allowed here was seen on Linux 6.18 after a cut of the block writes, and had been
refused. Its twin differs in the one thing on which the kernel does wait, and stays refused; so no
rule is given up that the kernel keeps. Sectors have 512 bytes, and blocks 4,096 or 1,024.

Source: `harness/walcrash/docs/reference/models/ext4.md`, with the kernel's function for each rule.
"""

from collections.abc import Mapping, Sequence

import pytest
from disk_events import DIRECTORY_SYNC, create, fdatasync, fsync, rename, truncate, write

from walcrash.disk import Pending, Refusal, why_not
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image
from walcrash.values.story import Aspect

K = EventKind
KEEP_SIZE, PUNCH, ZERO_RANGE = 0x1, 0x3, 0x10

Tree = Mapping[str, bytes]


def allocate(path: str, file: int, mode: int, offset: int, length: int) -> Event:
    return Event(kind=K.ALLOCATE, path=path, file=file, offset=offset, length=length, flags=mode)


def msync(path: str, file: int, offset: int, length: int) -> Event:
    return Event(kind=K.MSYNC, path=path, file=file, offset=offset, length=length)


def image(tree: Tree) -> Image:
    return Image({path: FileEntry(content) for path, content in sorted(tree.items())})


def refused(
    base: Tree, trace: Sequence[Event], tree: Tree, model: Model = Model.EXT4, *, block: int = 4096
) -> Refusal | None:
    pending = Pending(image(base), block_bytes=block)
    for event in trace:
        pending.apply(event)
    return why_not(pending, model, image(tree))


def allowed(
    base: Tree, trace: Sequence[Event], tree: Tree, *models: Model, block: int = 4096
) -> bool:
    """Whether all of some models allow a tree: `ext4` and `posix`, if none are named."""
    wanted = models or (Model.EXT4, Model.POSIX)
    return all(refused(base, trace, tree, model, block=block) is None for model in wanted)


# What a sync commits.


def test_a_sync_waits_for_the_last_change_of_its_own_file_and_no_later_ones() -> None:
    """The timer may have committed `a` before `b` was made."""
    trace = [create("a", 0), create("b", 1), fsync("a", 0)]
    assert allowed({}, trace, {"a": b""})
    assert allowed({}, trace, {"a": b"", "b": b""})
    assert not allowed({}, trace, {}, Model.EXT4)
    assert not allowed({}, trace, {"b": b""}, Model.EXT4)


def test_a_sync_waits_for_the_last_name_of_its_own_file() -> None:
    trace = [create("x", 1), rename("a", "b", 0), create("y", 2), fsync("b", 0)]
    assert allowed({"a": b""}, trace, {"b": b"", "x": b""})
    assert not allowed({"a": b""}, trace, {"a": b"", "x": b""}, Model.EXT4)


def test_an_fsync_after_an_overwrite_within_a_tick_of_the_clock_commits_nothing() -> None:
    base = {"log": b"o" * 4096}
    before = [create("g", 0), write("log", 1, 0, b"a"), fsync("g", 0), create("x", 2)]
    trace = [*before, write("log", 1, 0, b"b"), fsync("log", 1)]
    log = b"b" + b"o" * 4095
    assert allowed(base, trace, {"g": b"", "log": log})
    assert allowed(base, trace, {"g": b"", "log": log, "x": b""})
    grown = [*before, write("log", 1, 4096, b"b"), fsync("log", 1)]
    assert refused(base, grown, {"g": b"", "log": b"o" * 4096 + b"b"}) is not None


@pytest.mark.parametrize("sync", [fdatasync, fsync])
def test_a_truncation_to_the_same_size_is_in_the_journal_for_an_fsync_only(sync: object) -> None:
    assert callable(sync)
    base = {"f": b"o" * 100}
    trace = [create("x", 0), truncate("f", 1, 100), sync("f", 1)]
    assert allowed(base, trace, base, Model.EXT4) == (sync is fdatasync)
    shorter = [create("x", 0), truncate("f", 1, 99), sync("f", 1)]
    assert not allowed(base, shorter, {"f": b"o" * 99}, Model.EXT4)


def test_a_sync_of_a_directory_commits_everything_even_where_the_directory_has_not_changed() -> (
    None
):
    trace = [create("x", 0), Event(kind=K.FSYNC, path="d", file=1)]
    pending = Pending(image({}))
    for event in [Event(kind=K.MKDIR, path="d", file=1), DIRECTORY_SYNC, *trace]:
        pending.apply(event)
    assert pending.journal == pending.now


# Truncations and holes.


def test_a_cut_does_not_sync_what_lies_before_it_in_a_block_that_is_not_allocated() -> None:
    trace = [create("f", 0), write("f", 0, 0, b"a" * 200), truncate("f", 0, 100)]
    assert allowed({}, trace, {"f": bytes(100)})
    assert allowed({}, trace, {"f": b"a" * 100})
    # Where the block is on the disk already, its zeros and all before them are written first.
    base = {"f": b"o" * 4096}
    committed = [write("f", 0, 0, b"a" * 200), truncate("f", 0, 100), DIRECTORY_SYNC]
    assert allowed(base, committed, {"f": b"a" * 100})
    assert not allowed(base, committed, {"f": b"o" * 100}, Model.EXT4)


@pytest.mark.parametrize(
    "change", [truncate("f", 0, 100), allocate("f", 0, PUNCH, 100, 9000)], ids=["cut", "hole"]
)
def test_zeros_inside_the_block_of_a_cut_may_be_there_before_the_cut_is(change: Event) -> None:
    base = {"f": b"o" * 4096}
    assert allowed(base, [change], {"f": b"o" * 100 + bytes(3996)})
    torn = b"o" * 100 + bytes(412) + b"o" * 1024 + bytes(2048) + b"o" * 512
    assert allowed(base, [change], {"f": torn})


def test_zeros_behind_the_block_of_a_cut_are_there_only_with_the_cut() -> None:
    base = {"f": b"o" * 12288, "x": b""}
    trace = [Event(kind=K.UNLINK, path="x", file=1), truncate("f", 0, 100)]
    regrown = [*trace, write("f", 0, 12287, b"e")]
    kept = {"f": b"o" * 100 + bytes(3996) + b"o" * 8192, "x": b""}
    assert allowed(base, regrown, kept)
    gone = {"f": b"o" * 4096 + bytes(4096) + b"o" * 4096, "x": b""}
    assert refused(base, regrown, gone) is not None
    assert allowed(base, regrown, gone, Model.POSIX)
    # And with it nothing of what was cut comes back.
    back = {"f": b"o" * 100 + bytes(3996) + b"o" * 4096 + bytes(4095) + b"e"}
    assert refused(base, regrown, back) is not None


def test_what_is_written_over_a_zeroed_range_goes_to_the_blocks_that_it_had() -> None:
    base = {"f": b"o" * 8192}
    new = {"f": b"n" * 4096 + b"o" * 4096}
    for mode, is_in_place in ((ZERO_RANGE, True), (PUNCH, False)):
        change = allocate("f", 0, mode, 0, 4096)
        trace = [create("x", 1), change, write("f", 0, 0, b"n" * 4096)]
        assert allowed(base, trace, new, Model.EXT4) == is_in_place
        assert allowed(base, trace, {**new, "x": b""})


# Sizes.


@pytest.mark.parametrize("model", [Model.EXT4, Model.POSIX])
def test_a_sync_of_a_range_makes_the_size_durable_as_far_as_the_range(model: Model) -> None:
    base, old = {"f": b"o" * 4096}, b"o" * 4096
    grown = [write("f", 0, 4096, b"a" * 8192)]
    in_front = [*grown, write("f", 0, 0, b"b", sync=True)]
    assert allowed(base, in_front, {"f": b"b" + old[1:]}, model)
    behind = [*grown, write("f", 0, 4096, b"b", sync=True)]
    assert not allowed(base, behind, {"f": old}, model)
    block = b"b" + b"a" * 4095
    assert allowed(base, behind, {"f": old + block}, model)
    assert allowed(base, behind, {"f": old + block + b"a" * 4096}, model)
    mapped = [*grown, msync("f", 0, 4096, 4096)]
    assert not allowed(base, mapped, {"f": old}, model)
    assert allowed(base, mapped, {"f": old + b"a" * 4096}, model)


def test_a_synchronous_write_in_a_block_that_the_file_has_moves_no_size_on_the_disk() -> None:
    """The size in memory was ahead already, so neither the write nor its writeback sets it."""
    base = {"f": b"o" * 100}
    trace = [write("f", 0, 4096, b"a" * 4096), write("f", 0, 200, b"b" * 50, sync=True)]
    assert allowed(base, trace, base)
    appended = [write("f", 0, 100, b"b" * 50, sync=True)]
    assert not allowed(base, appended, base, Model.POSIX)


@pytest.mark.parametrize("model", [Model.EXT4, Model.POSIX])
def test_the_size_follows_the_block_that_was_written_back(model: Model) -> None:
    trace = [create("f", 0), write("f", 0, 99999, b"e"), write("f", 0, 0, b"a")]
    assert allowed({}, trace, {"f": b"a" + bytes(4095)}, model)
    assert not allowed({}, trace, {"f": b"a" + bytes(8191)}, model)
    assert not allowed({}, trace, {"f": b"a"}, model)


@pytest.mark.parametrize("model", [Model.EXT4, Model.POSIX])
def test_an_allocation_inside_the_size_sets_the_size_on_the_disk_to_its_end(model: Model) -> None:
    trace = [create("f", 0), write("f", 0, 0, b"a" * 25000)]
    fallocate = [*trace, allocate("f", 0, 0, 0, 5000)]
    assert allowed({}, fallocate, {"f": bytes(5000)}, model)
    assert not allowed({}, fallocate, {"f": bytes(5001)}, model)
    committed = [*fallocate, DIRECTORY_SYNC]
    assert allowed({}, committed, {"f": b""}, model) == (model is Model.POSIX)
    assert allowed({}, committed, {"f": b"a" * 8192}, model)


def test_an_allocation_behind_the_end_may_end_with_the_blocks_that_the_file_had() -> None:
    """Each run of blocks of one kind is a transaction of its own: here the first block is one."""
    base, old = {"f": b"o" * 3000}, b"o" * 3000
    trace = [allocate("f", 0, 0, 2000, 20000), write("f", 0, 8000, b"n" * 3000)]
    for size in (3000, 4096, 22000):
        assert allowed(base, trace, {"f": old + bytes(size - 3000)})
    assert not allowed(base, trace, {"f": old + bytes(8192 - 3000)}, Model.EXT4)
    committed = [*trace, DIRECTORY_SYNC]
    assert not allowed(base, committed, {"f": old + bytes(4096 - 3000)}, Model.EXT4)


@pytest.mark.parametrize("mode", [PUNCH, ZERO_RANGE | KEEP_SIZE])
def test_zeros_inside_the_size_may_set_it_and_zeros_over_its_end_do(mode: int) -> None:
    trace = [create("f", 0), write("f", 0, 0, b"a" * 25000)]
    inside = [*trace, allocate("f", 0, mode, 0, 4096), DIRECTORY_SYNC]
    assert allowed({}, inside, {"f": bytes(4096)})
    assert allowed({}, inside, {"f": b""}), "older kernels leave the size"
    over = [*trace, allocate("f", 0, mode, 20000, 9000), DIRECTORY_SYNC]
    assert not allowed({}, over, {"f": b""}, Model.EXT4)
    assert allowed({}, over, {"f": b"a" * 20000 + bytes(5000)})


REPLACING = [write("tmp", 0, 0, b"a" * 10), rename("tmp", "cfg", 0)]


def test_a_rename_over_a_name_leaves_a_file_empty_that_had_its_blocks_reserved() -> None:
    base = {"cfg": b"o" * 10}
    reserved = [create("tmp", 0), allocate("tmp", 0, KEEP_SIZE, 0, 4096), *REPLACING]
    assert allowed(base, reserved, {"cfg": b""})
    delayed = [create("tmp", 0), *REPLACING]
    assert not allowed(base, delayed, {"cfg": b""}, Model.EXT4)
    assert allowed(base, delayed, {"cfg": bytes(10)})
    freed = [*reserved[:2], truncate("tmp", 0, 0), *REPLACING]
    assert not allowed(base, freed, {"cfg": b""}, Model.EXT4)


def test_blocks_that_are_reserved_before_the_trace_are_not_known() -> None:
    """A file of the base may have them; one that was cut to nothing has none."""
    base = {"cfg": b"o" * 10, "tmp": b""}
    assert allowed(base, REPLACING, {"cfg": b""})
    assert not allowed(base, [truncate("tmp", 0, 0), *REPLACING], {"cfg": b""}, Model.EXT4)


def test_a_reserved_block_does_not_hold_back_what_is_delayed_behind_it() -> None:
    base = {"cfg": b"o" * 10}
    trace = [
        create("tmp", 0), allocate("tmp", 0, KEEP_SIZE, 0, 4096),
        write("tmp", 0, 0, b"a" * 5000), rename("tmp", "cfg", 0),
    ]  # fmt: skip
    refusal = refused(base, trace, {"cfg": b"a" * 4096})
    assert refusal is not None
    assert (refusal.aspect, refusal.found, refusal.allowed) == (Aspect.SIZE, 4096, (10, 5000))


# Blocks of another size.


@pytest.mark.parametrize("block", [1024, 2048, 4096])
def test_rules_about_blocks_follow_the_size_of_blocks(block: int) -> None:
    trace = [create("f", 0), write("f", 0, 99999, b"e"), write("f", 0, 0, b"a")]
    for end in (1024, 2048, 4096):
        tree = {"f": b"a" + bytes(end - 1)}
        assert allowed({}, trace, tree, block=block) == (end == block)
    base, cut = {"f": b"o" * 8192}, truncate("f", 0, 100)
    for end in (1024, 2048, 4096):
        zeroed = {"f": b"o" * 100 + bytes(end - 100) + b"o" * (8192 - end)}
        assert allowed(base, [cut], zeroed, Model.EXT4, block=block) == (end <= block)
