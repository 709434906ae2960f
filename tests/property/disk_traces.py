"""File operations for the tests of harness/walcrash/disk, drawn at random and run in two ways.

`TinyDirectory` runs them on dictionaries and writes the trace that a recorder would, in the most
direct way that there is; `perform` runs them for real, in a worker that the recorder watches.
"""

import ctypes
import errno
import mmap
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.image import (
    DirectoryEntry,
    Entry,
    FileEntry,
    Image,
    LinkEntry,
    SymlinkEntry,
)

Operation = tuple[Any, ...]
"""A name, and its arguments."""

PATHS = ("a", "b", "d", "e", "d/a", "e/b")
SLOTS = (0, 1, 2)

MODES = (0o600, 0o640, 0o755)
"""All of them let a worker that is not root go on."""

PUNCH_HOLE = 0x3
ZERO_RANGE = 0x10
PAGE = 4096

K = EventKind


def operations(
    *, most: int, most_bytes: int = 9, is_syncing: bool = True, is_failing: bool = False
) -> st.SearchStrategy[list[Operation]]:
    """Draw operations on a few names and open files; failing syncs are for `TinyDirectory`."""
    path, slot = st.sampled_from(PATHS), st.sampled_from(SLOTS)
    offset, length = st.integers(0, most_bytes), st.integers(1, most_bytes)
    kinds = [
        st.tuples(st.just("open"), slot, path),
        st.tuples(st.just("write"), slot, offset, length),
        st.tuples(st.just("append"), slot, length),
        st.tuples(st.just("store"), slot, offset, length),
        st.tuples(st.just("truncate"), slot, offset),
        st.tuples(st.just("refill"), slot, length),
        st.tuples(st.just("close"), slot),
        st.tuples(st.just("chmod"), path, st.sampled_from(MODES)),
        st.tuples(st.just("fchmod"), slot, st.sampled_from(MODES)),
        st.tuples(st.just("rename"), path, path),
        st.tuples(st.just("link"), path, path),
        st.tuples(st.just("unlink"), path),
        st.tuples(st.just("mkdir"), st.sampled_from(("d", "e"))),
        st.tuples(st.just("rmdir"), st.sampled_from(("d", "e"))),
        st.tuples(st.just("symlink"), st.just("a"), path),
        st.tuples(st.just("punch"), slot, offset, length),
        st.tuples(st.just("nameless"), slot),
        st.tuples(st.just("name"), slot, path),
    ]
    syncs = [
        st.tuples(st.sampled_from(("fsync", "fdatasync")), slot),
        st.tuples(st.just("fsync-directory"), st.sampled_from((".", "d", "e"))),
        st.tuples(st.just("write-through"), slot, offset, length),
        st.tuples(st.just("msync"), slot, offset, length),
        st.tuples(st.just("sync")),
    ]
    failing = [
        st.tuples(st.just("fail"), slot),
        st.tuples(st.just("fail-msync"), slot, offset, length),
        st.tuples(st.just("fail-all")),
    ]
    wanted = [*kinds, *(syncs if is_syncing else []), *(failing if is_failing else [])]
    steps = st.lists(st.one_of(*wanted), min_size=most // 2, max_size=most)
    return steps.map(lambda rest: [("open", 0, "a"), *rest])


def name_operations() -> st.SearchStrategy[list[Operation]]:
    """Draw renames, syncs of directories, and further changes of the names that were renamed.

    Where everything is drawn, hardly ever is one end of a rename durable and then changed again.
    """
    path = st.sampled_from(("b", "d/a", "e"))
    rename = st.tuples(st.just("rename"), path, path)
    change = st.one_of(
        rename,
        st.tuples(st.just("unlink"), path),
        st.tuples(st.just("open"), st.just(1), path),
        st.tuples(st.just("mkdir"), st.just("e")),
    )
    sync = st.tuples(st.just("fsync-directory"), st.sampled_from((".", "d")))
    made: list[Operation] = [("mkdir", "d"), ("open", 0, "d/a"), ("open", 1, "b"), ("sync",)]
    parts = (st.lists(change, max_size=1), rename.map(lambda one: [one]),
             st.lists(change, max_size=1), sync.map(lambda one: [one]),
             st.lists(change, min_size=1, max_size=2))  # fmt: skip
    return st.tuples(*parts).map(lambda drawn: [*made, *(step for part in drawn for step in part)])


def bytes_of(step: int, length: int) -> bytes:
    """Return what the operation at a position writes: never zeros, other bytes for each."""
    return bytes(1 + (step * 31 + number * 7) % 255 for number in range(length))


@dataclass
class TinyDirectory:
    """A directory of dictionaries; `events` is the trace of what was done to it."""

    names: dict[str, int] = field(default_factory=dict)
    files: dict[int, bytearray] = field(default_factory=dict)
    links: dict[int, str] = field(default_factory=dict)
    directories: set[int] = field(default_factory=set)
    slots: dict[int, int] = field(default_factory=dict)
    linkable: set[int] = field(default_factory=set)
    state: set[int] = field(default_factory=set)
    modes: dict[int, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    made: int = 0

    def run(self, steps: list[Operation]) -> "TinyDirectory":
        for step, (name, *arguments) in enumerate(steps):
            getattr(self, "do_" + name.replace("-", "_"))(step, *arguments)
        return self

    def image(self) -> Image:
        entries: dict[str, Entry] = {}
        seen: dict[int, str] = {}
        for path in sorted(self.names, key=lambda path: path.split("/")):
            number = self.names[path]
            if number in self.directories:
                entries[path] = DirectoryEntry(self.modes.get(number, 0o700))
            elif number in self.links:
                entries[path] = SymlinkEntry(self.links[number])
            elif number in seen:
                entries[path] = LinkEntry(seen[number])
            else:
                seen[number] = path
                entries[path] = FileEntry(bytes(self.files[number]), self.modes.get(number, 0o600))
        return Image(entries)

    def _event(self, kind: EventKind, **values: Any) -> None:
        self.events.append(Event(kind=kind, **values))

    def _new(self) -> int:
        self.made += 1
        return self.made

    def _is_free(self, path: str) -> bool:
        return path not in self.names and self._has_parent(path)

    def _has_parent(self, path: str) -> bool:
        parent, _, _ = path.rpartition("/")
        return not parent or self.names.get(parent) in self.directories

    def _path_of(self, number: int) -> str:
        return next((path for path, other in self.names.items() if other == number), "gone")

    def _holds(self, path: str) -> bool:
        return any(other.startswith(path + "/") for other in self.names)

    def do_open(self, step: int, slot: int, path: str) -> None:
        if self._is_free(path):
            number = self.names[path] = self._new()
            self.files[number] = bytearray()
            self._event(K.CREATE, path=path, file=number, flags=os.O_CREAT | os.O_RDWR)
        elif self.names.get(path) not in self.files:
            return
        self.slots[slot] = self.names[path]

    def do_nameless(self, step: int, slot: int) -> None:
        number = self.slots[slot] = self._new()
        self.files[number] = bytearray()
        self.linkable.add(number)
        self._event(K.CREATE, file=number, flags=os.O_TMPFILE | os.O_RDWR)

    def do_name(self, step: int, slot: int, path: str) -> None:
        number = self.slots.get(slot)
        if number is None or not self._is_free(path):
            return
        is_named = number in self.names.values()
        if is_named or number in self.linkable:
            self.linkable.discard(number)
            has = self._path_of(number) if is_named else ""
            self.names[path] = number
            self._event(K.LINK, path=has, path_to=path, file=number)

    def do_write(self, step: int, slot: int, offset: int, length: int, sync: bool = False) -> None:
        number = self.slots.get(slot)
        if number is None:
            return
        data, content = bytes_of(step, length), self.files[number]
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + length] = data
        self._event(
            K.WRITE, path=self._path_of(number), file=number, offset=offset, length=length,
            data=data, result=length, is_synchronous=sync,
        )  # fmt: skip

    def do_write_through(self, step: int, slot: int, offset: int, length: int) -> None:
        self.do_write(step, slot, offset, length, sync=True)

    def do_store(self, step: int, slot: int, offset: int, length: int) -> None:
        number = self.slots.get(slot)
        content = bytearray() if number is None else self.files[number]
        end = min(offset + length, len(content))
        if number is None or offset >= end:
            return
        content[offset:end] = bytes_of(step, end - offset)
        start, stop = offset // PAGE * PAGE, -(-end // PAGE) * PAGE
        data = bytes(content[start:stop])
        self._event(
            K.WRITE, path=self._path_of(number), file=number, offset=start, length=len(data),
            data=data, flags=MAPPED, result=len(data),
        )  # fmt: skip

    def do_msync(self, step: int, slot: int, offset: int, length: int) -> None:
        number = self.slots.get(slot)
        if number is not None and offset < len(self.files[number]):
            # A real one is for whole pages; files are too small here to tell the difference.
            self._event(
                K.MSYNC, path=self._path_of(number), file=number, offset=offset, length=length
            )

    def do_append(self, step: int, slot: int, length: int) -> None:
        if slot in self.slots:
            self.do_write(step, slot, len(self.files[self.slots[slot]]), length)

    def do_truncate(self, step: int, slot: int, size: int) -> None:
        number = self.slots.get(slot)
        if number is not None:
            content = self.files[number]
            del content[size:]
            content.extend(bytes(size - len(content)))
            self._event(K.TRUNCATE, path=self._path_of(number), file=number, offset=size)
            if not size:
                self.state.add(number)

    def do_refill(self, step: int, slot: int, length: int) -> None:
        self.do_truncate(step, slot, 0)
        self.do_write(step, slot, 0, length)

    def do_close(self, step: int, slot: int) -> None:
        number = self.slots.pop(slot, None)
        if number is not None and number in self.state:
            self.state.discard(number)
            self._event(K.CLOSE, path=self._path_of(number), file=number)

    def do_punch(self, step: int, slot: int, offset: int, length: int) -> None:
        number = self.slots.get(slot)
        if number is not None:
            content = self.files[number]
            end = min(offset + length, len(content))
            content[offset:end] = bytes(max(0, end - offset))
            self._event(
                K.ALLOCATE, path=self._path_of(number), file=number, offset=offset,
                length=length, flags=PUNCH_HOLE,
            )  # fmt: skip

    def do_chmod(self, step: int, path: str, mode: int) -> None:
        number = self.names.get(path)
        if number in self.files or number in self.directories:
            assert number is not None
            mode |= 0o700 if number in self.directories else 0
            self.modes[number] = mode
            self._event(K.ATTRIBUTE, path=path, file=number, mode=mode)

    def do_fchmod(self, step: int, slot: int, mode: int) -> None:
        number = self.slots.get(slot)
        if number is not None:
            self.modes[number] = mode
            self._event(K.ATTRIBUTE, path=self._path_of(number), file=number, mode=mode)

    def do_link(self, step: int, path: str, path_to: str) -> None:
        number = self.names.get(path)
        if (number in self.files or number in self.links) and self._is_free(path_to):
            assert number is not None
            self.names[path_to] = number
            self._event(K.LINK, path=path, path_to=path_to, file=number)

    def do_symlink(self, step: int, text: str, path: str) -> None:
        if self._is_free(path):
            number = self.names[path] = self._new()
            self.links[number] = text
            self._event(K.SYMLINK, path=path, path_to=text)

    def do_mkdir(self, step: int, path: str) -> None:
        if self._is_free(path):
            number = self.names[path] = self._new()
            self.directories.add(number)
            self._event(K.MKDIR, path=path, file=number, flags=0o700)

    def do_rmdir(self, step: int, path: str) -> None:
        if self.names.get(path) in self.directories and not self._holds(path):
            self._event(K.RMDIR, path=path, file=self.names.pop(path))

    def do_unlink(self, step: int, path: str) -> None:
        if path in self.names and self.names[path] not in self.directories:
            self._event(K.UNLINK, path=path, file=self.names.pop(path))

    def do_rename(self, step: int, path: str, path_to: str) -> None:
        number, other = self.names.get(path), self.names.get(path_to)
        if number is None or not self._has_parent(path_to) or path_to.startswith(path + "/"):
            return
        if other is not None and number != other:
            is_directory, is_other = number in self.directories, other in self.directories
            if is_directory != is_other or self._holds(path_to):
                return
        if number != other:
            moved = {path: path_to}
            moved.update(
                (old, path_to + old.removeprefix(path))
                for old in self.names
                if old.startswith(path + "/")
            )
            numbers = {new: self.names.pop(old) for old, new in moved.items()}
            self.names.update(numbers)
        self._event(K.RENAME, path=path, path_to=path_to, file=number)

    def do_fsync(self, step: int, slot: int, kind: EventKind = K.FSYNC) -> None:
        if slot in self.slots:
            number = self.slots[slot]
            self._event(kind, path=self._path_of(number), file=number)

    def do_fdatasync(self, step: int, slot: int) -> None:
        self.do_fsync(step, slot, K.FDATASYNC)

    def do_fsync_directory(self, step: int, path: str) -> None:
        if path == ".":
            self._event(K.FSYNC, path=path, file=0)
        elif self.names.get(path) in self.directories:
            self._event(K.FSYNC, path=path, file=self.names[path])

    def do_sync(self, step: int) -> None:
        self._event(K.SYNC_ALL)

    def do_fail(self, step: int, slot: int) -> None:
        if slot in self.slots:
            number = self.slots[slot]
            self._event(K.FSYNC, path=self._path_of(number), file=number, result=-errno.EIO)

    def do_fail_msync(self, step: int, slot: int, offset: int, length: int) -> None:
        number = self.slots.get(slot)
        if number is not None and offset < len(self.files[number]):
            self._event(
                K.MSYNC, path=self._path_of(number), file=number, offset=offset, length=length,
                result=-errno.EIO,
            )  # fmt: skip

    def do_fail_all(self, step: int) -> None:
        self._event(K.SYNC_ALL, result=-errno.ENOSPC)


# The same operations for real.

_REFUSED = frozenset(
    {
        errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EINVAL,
        errno.ELOOP,
    }
)  # fmt: skip
"""What the kernel answers to operations that do not fit what is there."""


def perform(payload: bytes) -> None:
    """Run pickled operations in a directory; those that fail are passed over."""
    directory, steps, message_fd = pickle.loads(payload)
    os.chdir(directory)
    open_files: dict[int, int] = {}
    for step, (name, *arguments) in enumerate(steps):
        try:
            _REAL[name](open_files, step, *arguments)
        except KeyError as error:
            if error.args[0] not in SLOTS:
                raise
        except OSError as error:
            # Any other error, such as EXDEV, would mean that an operation is never made.
            if error.errno not in _REFUSED:
                raise
    # A kill that was to fall on a later event falls here.
    for _ in range(1 + len(steps)):
        os.write(message_fd, b"R")


def _put(files: dict[int, int], slot: int, fd: int) -> None:
    if slot in files:
        os.close(files[slot])
    files[slot] = fd


def _open(files: dict[int, int], step: int, slot: int, path: str) -> None:
    _put(files, slot, os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666))


def _refill(files: dict[int, int], step: int, slot: int, length: int) -> None:
    os.ftruncate(files[slot], 0)
    os.pwrite(files[slot], bytes_of(step, length), 0)


def _chmod(files: dict[int, int], step: int, path: str, mode: int) -> None:
    if not os.path.islink(path):
        os.chmod(path, mode | (0o700 if os.path.isdir(path) else 0))


def _nameless(files: dict[int, int], step: int, slot: int) -> None:
    _put(files, slot, os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600))


def _name(files: dict[int, int], step: int, slot: int, path: str) -> None:
    # Without a descriptor Python calls `link`, which takes the name in /proc for the file itself.
    fd = files[slot]
    os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)


def _append(files: dict[int, int], step: int, slot: int, length: int) -> None:
    fd = files[slot]
    os.lseek(fd, 0, os.SEEK_END)
    os.write(fd, bytes_of(step, length))


def _write_through(files: dict[int, int], step: int, slot: int, offset: int, length: int) -> None:
    os.pwritev(files[slot], [bytes_of(step, length)], offset, os.RWF_DSYNC)


def _store(files: dict[int, int], step: int, slot: int, offset: int, length: int) -> None:
    size = os.fstat(files[slot]).st_size
    end = min(offset + length, size)
    if offset < end:
        with mmap.mmap(files[slot], size) as mapped:
            mapped[offset:end] = bytes_of(step, end - offset)


def _msync(files: dict[int, int], step: int, slot: int, offset: int, length: int) -> None:
    size = os.fstat(files[slot]).st_size
    if offset < size:
        with mmap.mmap(files[slot], size) as mapped:
            start = offset // PAGE * PAGE
            mapped.flush(start, min(size - start, PAGE))


def _punch(files: dict[int, int], step: int, slot: int, offset: int, length: int) -> None:
    call = ctypes.CDLL(None, use_errno=True).fallocate
    call(files[slot], PUNCH_HOLE, ctypes.c_long(offset), ctypes.c_long(length))


def _fsync_directory(files: dict[int, int], step: int, path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def _symlink(files: dict[int, int], step: int, text: str, path: str) -> None:
    os.symlink(text, path)


def _link(files: dict[int, int], step: int, path: str, path_to: str) -> None:
    try:
        os.link(path, path_to)
    except PermissionError:
        if not os.path.isdir(path):
            raise


_REAL: dict[str, Callable[..., None]] = {
    "open": _open,
    "nameless": _nameless,
    "name": _name,
    "write": lambda files, step, slot, offset, length: os.pwrite(
        files[slot], bytes_of(step, length), offset
    ),
    "append": _append,
    "refill": _refill,
    "chmod": _chmod,
    "fchmod": lambda files, step, slot, mode: os.fchmod(files[slot], mode),
    "close": lambda files, step, slot: os.close(files.pop(slot)),
    "store": _store,
    "msync": _msync,
    "write-through": _write_through,
    "truncate": lambda files, step, slot, size: os.ftruncate(files[slot], size),
    "punch": _punch,
    "rename": lambda files, step, path, path_to: os.rename(path, path_to),
    "link": _link,
    "unlink": lambda files, step, path: os.unlink(path),
    "mkdir": lambda files, step, path: os.mkdir(path),
    "rmdir": lambda files, step, path: os.rmdir(path),
    "symlink": _symlink,
    "fsync": lambda files, step, slot: os.fsync(files[slot]),
    "fdatasync": lambda files, step, slot: os.fdatasync(files[slot]),
    "fsync-directory": _fsync_directory,
    "sync": lambda files, step: os.sync(),
}
