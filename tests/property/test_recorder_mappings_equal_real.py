"""Stores through mappings mixed with calls: the trace tells what is really there, kills included.

Each operation is followed by a reply, so that a crash point's call is an operation's position.
"""

import mmap
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from watching import Seen, outcome, raw, run_plain, run_watched, say

from walcrash.disk import kill_image
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import KEPT_SCALE, CrashPoint
from walcrash.values.image import FileEntry, Image
from walcrash.values.moments import CrashPosition, Placement

Operation = tuple[Any, ...]

PAGE = 4096
NAMES = ("a", "b")
PUNCH_HOLE, ZERO_RANGE = 0x3, 0x10

names = st.sampled_from(NAMES)
slots = st.integers(0, 1)
sizes = st.sampled_from((0, 1, PAGE - 1, PAGE, 5 * PAGE, 16 * PAGE + 7, 40 * PAGE))
offsets = st.sampled_from((0, 1, PAGE - 2, PAGE, 15 * PAGE + 4090, 16 * PAGE, 33 * PAGE + 5))
lengths = st.sampled_from((1, 4, 100, PAGE, 2 * PAGE + 1, 20 * PAGE))

operations = st.one_of(
    st.tuples(st.just("open"), slots, names),
    st.tuples(st.just("map"), slots),
    st.tuples(st.just("map"), slots),
    st.tuples(st.sampled_from(("store", "store", "child", "thread")), slots, offsets, lengths),
    st.tuples(st.just("store"), slots, offsets, lengths),
    st.tuples(st.just("store"), slots, offsets, lengths),
    st.tuples(st.just("msync"), slots, st.integers(0, 20), st.integers(1, 30)),
    st.tuples(st.just("unmap"), slots),
    st.tuples(st.just("pwrite"), slots, offsets, lengths),
    st.tuples(st.just("append"), slots, lengths),
    st.tuples(st.just("ftruncate"), slots, sizes),
    st.tuples(st.just("truncate"), names, sizes),
    st.tuples(
        st.just("allocate"), slots, st.sampled_from((0, PUNCH_HOLE, ZERO_RANGE)), offsets, lengths
    ),
    st.tuples(st.just("fsync"), slots),
    st.tuples(st.just("rename"), names, names),
    st.tuples(st.just("unlink"), names),
)
STORING = ("store", "child", "thread")


class Hand:
    """Does operations for real, on two files that are open and their mappings."""

    def __init__(self) -> None:
        self._step = 0
        self._fds: dict[int, int] = {}
        self._maps: dict[int, tuple[int, mmap.mmap]] = {}
        for slot, name in enumerate(NAMES):
            self.open(slot, name)
            os.ftruncate(self._fds[slot], 40 * PAGE)
            self.map(slot)

    def do(self, operation: Operation) -> object:
        self._step += 1
        name, *arguments = operation
        return outcome(lambda: getattr(self, name)(*arguments))

    def _content(self, length: int) -> bytes:
        return bytes((self._step * 37 + number) % 256 for number in range(length))

    def open(self, slot: int, name: str) -> None:
        fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
        if slot in self._fds:
            os.close(self._fds[slot])
        self._fds[slot] = fd

    def map(self, slot: int) -> int:
        size = os.fstat(self._fds[slot]).st_size
        if size:
            self.unmap(slot)
            kept = os.dup(self._fds[slot])
            self._maps[slot] = (kept, mmap.mmap(kept, size))
        return size

    def unmap(self, slot: int) -> None:
        if slot in self._maps:
            fd, mapped = self._maps.pop(slot)
            mapped.close()
            os.close(fd)

    def store(self, slot: int, offset: int, length: int) -> int:
        if slot not in self._maps:
            return 0
        fd, mapped = self._maps[slot]
        # Behind the file's end a store is an error that kills.
        end = min(offset + length, len(mapped), os.fstat(fd).st_size)
        if offset < end:
            mapped[offset:end] = self._content(end - offset)
        return end

    def child(self, slot: int, offset: int, length: int) -> int:
        pid = os.fork()
        if pid == 0:
            self.store(slot, offset, length)
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    def thread(self, slot: int, offset: int, length: int) -> None:
        thread = threading.Thread(target=self.store, args=(slot, offset, length))
        thread.start()
        thread.join()

    def msync(self, slot: int, page: int, pages: int) -> None:
        if slot in self._maps:
            mapped = self._maps[slot][1]
            start = page * PAGE
            if start < len(mapped):
                mapped.flush(start, min(pages * PAGE, len(mapped) - start))

    def pwrite(self, slot: int, offset: int, length: int) -> int:
        return os.pwrite(self._fds[slot], self._content(length), offset)

    def append(self, slot: int, length: int) -> int:
        os.lseek(self._fds[slot], 0, os.SEEK_END)
        return os.write(self._fds[slot], self._content(length))

    def ftruncate(self, slot: int, size: int) -> None:
        os.ftruncate(self._fds[slot], size)

    def truncate(self, name: str, size: int) -> None:
        os.truncate(name, size)

    def allocate(self, slot: int, mode: int, offset: int, length: int) -> None:
        raw("fallocate", self._fds[slot], mode, offset, length)

    def fsync(self, slot: int) -> None:
        os.fsync(self._fds[slot])

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def unlink(self, name: str) -> None:
        os.unlink(name)


def work_plain(sequence: Sequence[Operation]) -> list[object]:
    hand = Hand()
    return [hand.do(operation) for operation in sequence]


def work_watched(sequence: Sequence[Operation]) -> list[object]:
    hand, found = Hand(), []
    say(b"")
    for operation in sequence:
        found.append(hand.do(operation))
        say(b"")
    return found


def contents(image: Image) -> dict[str, bytes]:
    return {n: e.content for n, e in image.entries.items() if isinstance(e, FileEntry)}


def in_empty_directory(run: Any, *arguments: Any, **named: Any) -> Any:
    with tempfile.TemporaryDirectory(prefix="walcrash-test-") as directory:
        return run(Path(directory), *arguments, **named)


def watched(zygote: Zygote, sequence: Sequence[Operation], crash: CrashPoint | None = None) -> Seen:
    def run(directory: Path) -> Seen:
        return run_watched(zygote, work_watched, directory, sequence, crash=crash)

    seen: Seen = in_empty_directory(run)
    assert not seen.recording.unmodelled
    return seen


EXAMPLES = pytest.mark.parametrize("examples", [20, pytest.param(40, marks=pytest.mark.slow)])


@EXAMPLES
def test_the_trace_tells_what_was_stored_once_and_nothing_else(
    zygote: Zygote, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(sequence=st.lists(operations, min_size=1, max_size=20))
    @example(sequence=[("store", 0, 1, 20 * PAGE), ("allocate", 0, PUNCH_HOLE, PAGE, 17 * PAGE)])
    @example(sequence=[("store", 0, 1, 20 * PAGE), ("allocate", 0, ZERO_RANGE, 1, PAGE)])
    def check(sequence: list[Operation]) -> None:
        seen = watched(zygote, sequence)
        result, image = in_empty_directory(
            lambda directory: run_plain(work_plain, directory, sequence)
        )
        assert seen.watched.status == 0, seen.watched.output
        assert seen.result == result
        assert contents(seen.image) == contents(image)
        events = seen.recording.events()
        everything = CrashPosition(len(events), Placement.BEFORE)
        assert contents(kill_image(Image({}), events, everything)) == contents(image)
        # A store is one run of pages, and is told before the reply of its own operation.
        for event in events:
            if event.is_stored:
                assert sequence[event.call - 1][0] in STORING
        calls = [event.call for event in events if event.is_stored]
        assert len(calls) == len(set(calls))

    check()


@EXAMPLES
def test_a_kill_leaves_what_the_trace_tells(zygote: Zygote, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        sequence=st.lists(operations, min_size=1, max_size=12),
        position=st.integers(0, 11),
        ordinal=st.integers(0, 2),
        placement=st.sampled_from(Placement),
        share=st.integers(0, KEPT_SCALE - 1),
    )
    def check(
        sequence: list[Operation], position: int, ordinal: int, placement: Placement, share: int
    ) -> None:
        crash = CrashPoint(
            call=1 + position % len(sequence), ordinal=ordinal, placement=placement, kept=share
        )
        seen = watched(zygote, sequence, crash)
        landing = seen.recording.crash
        assert seen.recording.end is WatchEnd.KILLED
        assert landing is not None
        landed = CrashPosition(landing.event_index, landing.placement, landing.kept_bytes)
        events = seen.recording.events()
        assert contents(kill_image(Image({}), events, landed)) == contents(seen.image)
        # The trace of a run without a kill tells the same, up to there.
        whole = watched(zygote, sequence).recording.events()
        assert contents(kill_image(Image({}), whole, landed)) == contents(seen.image)
        if landing.row.kind is EventKind.WRITE and landing.placement is Placement.WITHIN:
            assert not seen.recording.rows[landing.event_index].is_synchronous, (
                "it has promised nothing"
            )

    check()
