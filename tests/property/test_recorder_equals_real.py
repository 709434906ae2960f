"""Any sequence of file operations: the recorder changes nothing, misses nothing, kills exactly.

Each operation is followed by a reply, so that a crash point's call is an operation's position.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from watching import outcome, raw, run_plain, run_watched, say

from walcrash.recorder import abi
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import KEPT_SCALE, CrashPoint
from walcrash.values.image import DirectoryEntry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.moments import Placement

Operation = tuple[Any, ...]

NAMES = ("a", "b", "d", "d/a", "d/e", "d/e/b", "l", "l/a", "./d/../a", "b/")
SLOTS = 3

names = st.sampled_from(NAMES)
slots = st.integers(0, SLOTS - 1)
lengths = st.sampled_from((0, 1, 2, 7, 100, 4096, 5000))
offsets = st.sampled_from((0, 1, 50, 4095, 9000))
modes = st.sampled_from((0o600, 0o644, 0o751, 0o000, 0o4755))
HERE = abi.AT_FDCWD
OPEN_FLAGS = (
    os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, os.O_RDONLY,
    os.O_RDWR | os.O_TRUNC, os.O_RDWR | os.O_CREAT | os.O_TRUNC, os.O_CREAT | os.O_RDONLY,
    os.O_RDWR | os.O_CREAT | os.O_APPEND, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW,
)  # fmt: skip

operations = st.one_of(
    st.tuples(st.just("open"), slots, names, st.sampled_from(OPEN_FLAGS), modes),
    st.tuples(st.just("open"), slots, st.just("a"), st.just(os.O_RDWR | os.O_CREAT), modes),
    st.tuples(st.just("nameless"), slots, modes),
    st.tuples(st.just("name"), slots, names),
    st.tuples(st.just("close"), slots),
    st.tuples(st.just("write"), slots, lengths),
    st.tuples(st.just("write"), slots, lengths),
    st.tuples(st.just("pwrite"), slots, lengths, offsets),
    st.tuples(st.just("writev"), slots, lengths),
    st.tuples(st.just("child"), slots, lengths),
    st.tuples(st.just("copy"), slots, slots, lengths),
    st.tuples(st.just("seek"), slots, offsets),
    st.tuples(st.just("ftruncate"), slots, offsets),
    st.tuples(st.just("truncate"), names, offsets),
    st.tuples(st.just("allocate"), slots, st.sampled_from((0, 1, 3)), offsets, lengths),
    st.tuples(st.just("fchmod"), slots, modes),
    st.tuples(st.just("chmod"), names, modes),
    st.tuples(st.just("rename"), names, names, st.sampled_from((0, 0, 0, 1, 2))),
    st.tuples(st.just("link"), names, names),
    st.tuples(st.just("symlink"), names, names),
    st.tuples(st.just("unlink"), names),
    st.tuples(st.just("mkdir"), names, modes),
    st.tuples(st.just("mkdir"), st.just("d"), modes),
    st.tuples(st.just("rmdir"), names),
    st.tuples(st.just("fsync"), slots),
    st.tuples(st.just("umask"), st.sampled_from((0, 0o022, 0o077))),
)


class Hand:
    """Does operations for real; the length of what is written comes last where it matters."""

    def __init__(self) -> None:
        self._fds: dict[int, int] = {}

    def do(self, operation: Operation) -> object:
        name, *arguments = operation
        return outcome(lambda: getattr(self, name)(*arguments))

    def _put(self, slot: int, fd: int) -> None:
        self.close(slot)
        self._fds[slot] = fd

    def _fd(self, slot: int) -> int:
        return self._fds.get(slot, 99)

    def open(self, slot: int, path: str, flags: int, mode: int) -> None:
        self._put(slot, os.open(path, flags, mode))

    def nameless(self, slot: int, mode: int) -> None:
        self._put(slot, os.open(".", os.O_TMPFILE | os.O_RDWR, mode))

    def name(self, slot: int, path: str) -> None:
        source = b"/proc/self/fd/%d" % self._fd(slot)
        raw("linkat", HERE, source, HERE, path.encode(), abi.AT_SYMLINK_FOLLOW)

    def close(self, slot: int) -> None:
        if slot in self._fds:
            os.close(self._fds.pop(slot))

    def write(self, slot: int, length: int) -> int:
        return os.write(self._fd(slot), content(length))

    def pwrite(self, slot: int, length: int, offset: int) -> int:
        return os.pwrite(self._fd(slot), content(length), offset)

    def writev(self, slot: int, length: int) -> int:
        data = content(length)
        return os.writev(self._fd(slot), [data[:3], b"", data[3:]])

    def child(self, slot: int, length: int) -> int:
        pid = os.fork()
        if pid == 0:
            outcome(lambda: os.write(self._fd(slot), content(length)))
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    def copy(self, source: int, target: int, length: int) -> int:
        return os.copy_file_range(self._fd(source), self._fd(target), length, 0)

    def seek(self, slot: int, offset: int) -> int:
        return os.lseek(self._fd(slot), offset, os.SEEK_SET)

    def ftruncate(self, slot: int, size: int) -> None:
        os.ftruncate(self._fd(slot), size)

    def truncate(self, path: str, size: int) -> None:
        os.truncate(path, size)

    def allocate(self, slot: int, mode: int, offset: int, length: int) -> None:
        raw("fallocate", self._fd(slot), mode, offset, length)

    def fchmod(self, slot: int, mode: int) -> None:
        os.fchmod(self._fd(slot), mode)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(path, mode)

    def rename(self, old: str, new: str, flags: int) -> None:
        raw("renameat2", HERE, old.encode(), HERE, new.encode(), flags)

    def link(self, old: str, new: str) -> None:
        raw("link", old.encode(), new.encode())

    def symlink(self, text: str, path: str) -> None:
        os.symlink(text, path)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(path, mode | 0o300)

    def rmdir(self, path: str) -> None:
        os.rmdir(path)

    def fsync(self, slot: int) -> None:
        os.fsync(self._fd(slot))

    def umask(self, mask: int) -> None:
        os.umask(mask)


def content(length: int) -> bytes:
    """Bytes whose beginning is the same whatever their number."""
    return (bytes(range(1, 252)) * (length // 251 + 1))[:length]


def work_plain(sequence: Sequence[Operation]) -> list[object]:
    hand = Hand()
    return [hand.do(operation) for operation in sequence]


def work_watched(sequence: Sequence[Operation]) -> list[object]:
    hand, found = Hand(), []
    for operation in sequence:
        found.append(hand.do(operation))
        say(b"")
    return found


def cut_short(operation: Operation, kept: int) -> Operation:
    """The same operation writing fewer bytes."""
    if operation[0] == "pwrite":
        return ("pwrite", operation[1], kept, operation[3])
    return (*operation[:-1], kept)


@dataclass(eq=False)
class Node:
    """A file or a symbolic link, whatever its names are."""

    content: bytearray | str
    mode: int = -1


@dataclass
class Model:
    """A directory as the trace alone tells it."""

    files: dict[int, Node] = field(default_factory=dict)
    tree: dict[str, Node | None] = field(default_factory=dict)
    """None for a directory."""

    def take(self, event: Event) -> None:
        if event.result < 0:
            return
        kind, path, number = event.kind, event.path, event.file
        if kind is EventKind.CREATE:
            self.files[number] = Node(bytearray(), event.mode)
            if path:
                self.tree[path] = self.files[number]
        elif kind is EventKind.WRITE:
            data, content = event.data[: event.result], self._content(number)
            if data:
                content.extend(bytes(max(0, event.offset - len(content))))
            content[event.offset : event.offset + len(data)] = data
        elif kind is EventKind.TRUNCATE:
            self._resize(number, event.offset)
        elif kind is EventKind.ALLOCATE:
            self._allocate(event)
        elif kind is EventKind.LINK:
            self.tree[event.path_to] = self.tree[path] if path else self.files[number]
        elif kind in (EventKind.SYMLINK, EventKind.MKDIR):
            self.tree[path] = None if kind is EventKind.MKDIR else Node(event.path_to)
        elif kind in (EventKind.UNLINK, EventKind.RMDIR):
            del self.tree[path]
        elif kind is EventKind.RENAME:
            self._rename(event)
        self._take_mode(event)

    def _take_mode(self, event: Event) -> None:
        if event.kind is EventKind.ATTRIBUTE and event.file in self.files:
            self.files[event.file].mode = event.mode

    def _content(self, number: int) -> bytearray:
        content = self.files[number].content
        assert isinstance(content, bytearray)
        return content

    def _resize(self, number: int, size: int) -> None:
        content = self._content(number)
        content.extend(bytes(max(0, size - len(content))))
        del content[size:]

    def _allocate(self, event: Event) -> None:
        content, end = self._content(event.file), event.offset + event.length
        if event.flags == 3:
            stop = min(end, len(content))
            content[event.offset : stop] = bytes(max(0, stop - event.offset))
        elif event.flags == 0:
            self._resize(event.file, max(len(content), end))

    def _rename(self, event: Event) -> None:
        old, new = event.path, event.path_to
        if old == new or (self.tree.get(new) is not None and self.tree[old] is self.tree[new]):
            return  # two names of one file, or one name: nothing happens
        swapped = self._take_out(new)
        for path, entry in self._take_out(old).items():
            self.tree[new + path] = entry
        if event.flags == abi.RENAME_EXCHANGE:
            for path, entry in swapped.items():
                self.tree[old + path] = entry

    def _take_out(self, root: str) -> dict[str, Node | None]:
        inside = [path for path in self.tree if path == root or path.startswith(root + "/")]
        return {path[len(root) :]: self.tree.pop(path) for path in inside}

    def shown(self) -> dict[str, bytes | str | None]:
        return {path: None if node is None else plain(node) for path, node in self.tree.items()}

    def modes(self) -> dict[str, int]:
        files = {path: node for path, node in self.tree.items() if node is not None}
        return {path: node.mode for path, node in files.items() if node.mode >= 0}


def modes_of(image: Image) -> dict[str, int]:
    """The modes of files, by each of their names."""
    modes: dict[str, int] = {}
    for path, entry in image.entries.items():
        if isinstance(entry, FileEntry):
            modes[path] = entry.mode
        elif isinstance(entry, LinkEntry):
            modes[path] = modes[entry.first_name]
    return modes


def plain(node: Node) -> bytes | str:
    return node.content if isinstance(node.content, str) else bytes(node.content)


def without_modes(image: Image) -> dict[str, bytes | str | None]:
    shown: dict[str, bytes | str | None] = {}
    for path, entry in image.entries.items():
        if isinstance(entry, FileEntry):
            shown[path] = entry.content
        elif isinstance(entry, LinkEntry):
            shown[path] = shown[entry.first_name]
        elif isinstance(entry, SymlinkEntry):
            shown[path] = entry.target
        else:
            assert isinstance(entry, DirectoryEntry)
            shown[path] = None
    return shown


def in_empty_directory(run: Any, *arguments: object, **named: object) -> Any:
    function, *rest = arguments
    with tempfile.TemporaryDirectory(prefix="walcrash-test-") as parent:
        directory = Path(parent) / "directory"
        directory.mkdir()
        return run(function, directory, *rest, **named)


OPENED = ("open", 0, "a", os.O_RDWR | os.O_CREAT, 0o644)

EXAMPLES = pytest.mark.parametrize("examples", [25, pytest.param(60, marks=pytest.mark.slow)])


@EXAMPLES
def test_a_recorded_run_equals_a_real_one_and_its_trace_tells_it_all(
    zygote: Zygote, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(sequence=st.lists(operations, min_size=1, max_size=25))
    @example(sequence=[("mkdir", "d", 0o755), ("symlink", "d", "l"), ("open", 0, "l/a", 66, 0o600)])
    @example(sequence=[("nameless", 0, 0o600), ("write", 0, 7), ("name", 0, "a"), ("write", 0, 2)])
    @example(sequence=[OPENED, ("link", "a", "b"), ("rename", "a", "b", 0), ("unlink", "a")])
    @example(sequence=[("symlink", "b", "l"), ("open", 0, "l", 66, 0o600), ("rename", "l", "b", 2)])
    @example(sequence=[OPENED, ("pwrite", 0, 1, 0), ("copy", 0, 0, 1)])
    @example(sequence=[OPENED, ("open", 0, "a", os.O_RDONLY, 0o600), ("copy", 0, 0, 0)])
    def check(sequence: list[Operation]) -> None:
        def watched(*arguments: Any, **named: Any) -> Any:
            return run_watched(zygote, *arguments, **named)

        seen = in_empty_directory(watched, work_watched, sequence)
        result, image = in_empty_directory(run_plain, work_plain, sequence)
        assert seen.watched.status == 0, seen.watched.output
        assert seen.result == result
        assert seen.image.entries == image.entries
        assert not seen.recording.unmodelled
        model = Model()
        for event in seen.events:
            model.take(event)
        assert model.shown() == without_modes(image)
        assert model.modes() == modes_of(image)

    check()


@EXAMPLES
def test_a_kill_leaves_exactly_what_its_prefix_leaves(zygote: Zygote, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        sequence=st.lists(operations, min_size=1, max_size=15),
        position=st.integers(0, 14),
        placement=st.sampled_from(Placement),
        share=st.integers(0, KEPT_SCALE - 1),
    )
    @example([OPENED, ("write", 0, 100)], 1, Placement.WITHIN, 0)
    @example([OPENED, ("write", 0, 100)], 1, Placement.WITHIN, KEPT_SCALE - 1)
    @example([OPENED, ("write", 0, 2)], 1, Placement.WITHIN, 5)
    @example([OPENED, ("chmod", "a", 0o751)], 1, Placement.AFTER, 0)
    @example([OPENED, ("write", 0, 7), ("copy", 0, 0, 5)], 2, Placement.BEFORE, 0)
    def check(sequence: list[Operation], position: int, placement: Placement, share: int) -> None:
        position %= len(sequence)
        crash = CrashPoint(call=position, ordinal=0, placement=placement, kept=share)

        def watched(*arguments: Any, **named: Any) -> Any:
            return run_watched(zygote, *arguments, **named)

        seen = in_empty_directory(watched, work_watched, sequence, crash=crash)
        landing = seen.recording.crash
        assert landing is not None
        done = list(sequence[:position])
        if landing.placement is Placement.WITHIN:
            done.append(cut_short(sequence[position], landing.kept_bytes))
            assert landing.kept_bytes == 1 + share * (landing.row.length - 1) // KEPT_SCALE
        elif landing.placement is Placement.AFTER or landing.row.kind is EventKind.REPLY:
            done.append(sequence[position])
        _, image = in_empty_directory(run_plain, work_plain, done)
        assert seen.image.entries == image.entries

    check()
