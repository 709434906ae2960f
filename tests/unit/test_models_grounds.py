"""Trees that are not judged: only on the file system, and in the place, that a ground is about."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from command import walcrash_here

from walcrash.blocks.background import OutsideSync, background
from walcrash.tools.models.check import answers
from walcrash.tools.models.files import excerpt, write_file
from walcrash.tools.models.grounds import EARLY, REUSED, STORED
from walcrash.tools.models.overlap import Ticks, overlapped
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.image import FileEntry, Image
from walcrash.values.real_tree import RealRun, RealTree
from walcrash.values.real_tree_file import read_runs, write_runs
from walcrash.values.seed import Prng

POSIX = PersistenceModel.POSIX
K = EventKind
BLOCK = 4096
OLD = b"o" * 3 * BLOCK
OTHER = b"x" * 512


def run_of(file_system: str, events: tuple[Event, ...], *contents: bytes) -> RealRun:
    trees = [
        RealTree(
            image=Image({"log": FileEntry(content, 0o644)}),
            returned=len(events), begun=len(events), cuts={"prefix": 1},
        )
        for content in contents
    ]  # fmt: skip
    return RealRun(
        file_system=file_system, models=(POSIX,), workload="made-up", events=events,
        base=Image({"log": FileEntry(OLD, 0o644)}), trees=tuple(trees), cuts=len(trees),
    )  # fmt: skip


def said_of(run: RealRun) -> list[str]:
    """Return for each tree why it is not judged, `refused`, or nothing."""
    return [answer.not_judged or ("refused" if answer.reason else "")
            for _, answer in answers(run, POSIX)]  # fmt: skip


# Freed blocks.

CUT = (Event(kind=K.TRUNCATE, path="log", file=0, offset=700),)
PUNCHED = (Event(kind=K.ALLOCATE, path="log", file=0, offset=100, length=2 * BLOCK, flags=0x3),)
SYNC = Event(kind=K.FSYNC, path="log", file=0)


def with_other(at: int) -> bytes:
    return OLD[:at] + OTHER + OLD[at + len(OTHER) :]


def test_what_others_wrote_to_freed_blocks_is_not_judged_with_data_writeback_alone() -> None:
    trees = with_other(BLOCK), with_other(3 * BLOCK - 512), with_other(0), OLD
    assert said_of(run_of("ext4-writeback", CUT, *trees)) == [REUSED, REUSED, "refused", ""]
    for name in ("ext4", "xfs", "btrfs", "another"):
        assert said_of(run_of(name, CUT, *trees)) == ["refused", "refused", "refused", ""]


def test_only_whole_blocks_that_are_freed_and_not_durably_so_may_hold_anything() -> None:
    trees = with_other(BLOCK), with_other(512), with_other(2 * BLOCK)
    assert said_of(run_of("ext4-writeback", PUNCHED, *trees)) == [REUSED, "refused", "refused"]
    assert said_of(run_of("ext4-writeback", (*CUT, SYNC), with_other(BLOCK))) == ["refused"]
    removed = (Event(kind=K.UNLINK, path="log", file=0),)
    assert said_of(run_of("ext4-writeback", removed, with_other(0))) == [REUSED]
    assert said_of(run_of("ext4-writeback", (), with_other(BLOCK))) == ["refused"]


# Pages that are mapped.

STORES = (
    Event(kind=K.MAP, path="log", file=0),
    Event(
        kind=K.WRITE, path="log", file=0, offset=BLOCK + 100, length=8, data=b"12345678", result=8,
        flags=MAPPED,
    ),
)  # fmt: skip


def test_what_a_mapped_page_held_between_two_looks_is_not_judged() -> None:
    trees = with_other(BLOCK), with_other(2 * BLOCK - 512), with_other(BLOCK - 512), OLD
    for name in ("ext4", "btrfs", "another"):
        said = said_of(run_of(name, STORES, *trees))
        assert said[:3] == [STORED, STORED, "refused"]
    written = (STORES[0], replace(STORES[1], flags=0))
    unmapped = (replace(STORES[0], path="other", file=1), STORES[1])
    for events in (written, unmapped):
        assert said_of(run_of("ext4", events, with_other(BLOCK))) == ["refused"]


# Syncs that return early.

APPENDED = Event(
    kind=K.WRITE, path="log", file=0, offset=len(OLD), length=512, data=OTHER, result=512
)
LOST = run_of("btrfs", (APPENDED, SYNC), OLD, OLD + OTHER, OLD[:-1])


def test_a_sync_that_another_one_overlapped_is_not_judged_on_btrfs_alone() -> None:
    early = replace(LOST, overlapped=(1,))
    assert said_of(LOST) == ["refused", "", "refused"]
    assert said_of(early) == [EARLY, "", "refused"]
    assert said_of(replace(early, file_system="xfs")) == ["refused", "", "refused"]
    later = replace(early, events=(APPENDED, SYNC, SYNC), trees=early.trees[:2])
    later = replace(later, trees=tuple(replace(t, returned=3, begun=3) for t in later.trees))
    assert said_of(later) == ["refused", ""]


def test_what_overlapped_is_in_the_file_and_in_the_excerpt_as_far_as_its_trace_goes() -> None:
    early = replace(LOST, overlapped=(1,))
    assert read_runs(write_runs((early,)), "here") == (early,)
    assert excerpt(early, 0, [POSIX]).overlapped == (1,)
    short = replace(early, trees=(replace(early.trees[0], returned=1, begun=1),))
    assert excerpt(short, 0, [POSIX]).overlapped == ()


def test_a_sync_overlaps_one_from_outside_of_the_same_file_at_the_same_time() -> None:
    other = replace(SYNC, path="other")
    events = (APPENDED, SYNC, other, SYNC, replace(APPENDED, is_synchronous=True))
    times = {0: (10, 11), 1: (20, 29), 2: (30, 39), 3: (40, 49), 4: (50, 59)}

    def found(*syncs: OutsideSync) -> tuple[int, ...]:
        return overlapped(events, times, syncs)

    assert found(OutsideSync("log", 15, 35)) == (1,)
    assert found(OutsideSync("log", 29, 40)) == (1, 3)
    assert found(OutsideSync("log", 42, 43)) == (3,)
    assert found(OutsideSync("log", 55)) == (4,)
    assert found(OutsideSync("log", 30, 39), OutsideSync("other", 0, 29)) == ()
    assert found(OutsideSync("other", 0)) == (2,)
    assert overlapped(events, {}, [OutsideSync("log", 0)]) == ()


def test_readings_are_counts_and_times_again() -> None:
    counts = iter([3, 5, 5])
    ticks = Ticks(lambda: next(counts))
    marks = {0: (ticks.tick(), ticks.tick()), 2: (1, ticks.tick())}
    assert ticks.counts(marks) == {0: (3, 5), 2: (5, 5)}
    times = ticks.times(marks)
    assert times[0][0] <= times[0][1] == times[2][0] <= times[2][1]


def test_the_background_says_when_it_synced_which_file(tmp_path: Path) -> None:
    (tmp_path / "work/d").mkdir(parents=True)
    (tmp_path / "work/d/log").write_bytes(OLD)
    waited = threading.Event()
    with background("sync", str(tmp_path / "work"), str(tmp_path / "beside"), Prng(1)) as syncs:
        for _ in range(500):
            if syncs or waited.wait(0.01):
                break
    assert {sync.path for sync in syncs} == {"d/log"}
    assert all(sync.ended_ns is not None and sync.began_ns <= sync.ended_ns for sync in syncs)
    with background("none", str(tmp_path), str(tmp_path / "beside"), Prng(1)) as syncs:
        assert syncs == []


# What is said.


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_models_check_counts_what_is_not_judged_and_says_why(tmp_path: Path, form: str) -> None:
    write_file(tmp_path / "trees.json", [run_of("ext4-writeback", CUT, with_other(BLOCK), OLD)])
    done = walcrash_here(tmp_path, "models", "check", "trees.json", "--to", form)
    assert done.returncode == 0
    if form == "text":
        assert (
            "trees.json, run 0, tree 0: not judged by `posix`\n    not judged: a freed block"
            in (done.stdout)
        )
    if form == "json":
        assert '"not_judged": {\n        "posix": 1' in done.stdout
        assert REUSED in done.stdout
    else:
        assert "not judged" in done.stdout.splitlines()[0]
        assert "PASS  2 trees of 2 cuts, 0 refused, 1 not judged" in done.stdout
