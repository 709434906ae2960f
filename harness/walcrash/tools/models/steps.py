"""Steps: the calls of a workload, as values, and the worker that makes them.

A step is a name with its arguments. A step that the system refuses is passed over: the trace has
what happened. What a write holds is one letter, so that a tree shows which write it is from.

Not here: which workloads there are (`litmus`, `drawn`).
"""

import contextlib
import ctypes
import mmap
import os
import pickle
import time
from collections.abc import Callable, Sequence
from typing import Final

Step = tuple[str | int, ...]
"""A key of `ON_FILES` or `ON_NAMES`, and its arguments without the open files."""

KEEP_SIZE: Final = 1
PUNCH_HOLE: Final = 3
ZERO_RANGE: Final = 16
"""Modes of `fallocate(2)`."""

ENTRY: Final = "walcrash.tools.models.steps:perform"

Files = dict[int, int]
"""Open descriptors by slot."""


def packed(directory: str, steps: Sequence[Step]) -> bytes:
    """Return what `perform` takes."""
    return pickle.dumps((directory, tuple(steps)))


def perform(payload: bytes) -> None:
    """Make the calls of a workload in its directory; entry for a worker under watch."""
    directory, steps = pickle.loads(payload)  # noqa: S301 - from our own harness
    os.chdir(directory)
    files: Files = {}
    for name, *arguments in steps:
        with contextlib.suppress(OSError, KeyError, ValueError):
            if name in ON_FILES:
                ON_FILES[name](files, *arguments)
            else:
                ON_NAMES[name](*arguments)


def _open(files: Files, slot: int, path: str, flags: int = 0) -> None:
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | flags, 0o644)
    if slot in files:
        os.close(files[slot])
    files[slot] = fd


def _open_nameless(files: Files, slot: int) -> None:
    files[slot] = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)


def _name(files: Files, slot: int, path: str) -> None:
    fd = files[slot]
    if not os.fstat(fd).st_nlink:
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)


def _write(files: Files, slot: int, offset: int, length: int, letter: int) -> None:
    os.pwrite(files[slot], bytes([letter]) * length, offset)


def _append(files: Files, slot: int, length: int, letter: int) -> None:
    os.lseek(files[slot], 0, os.SEEK_END)
    os.write(files[slot], bytes([letter]) * length)


def _write_through(files: Files, slot: int, offset: int, length: int, letter: int) -> None:
    os.pwritev(files[slot], [bytes([letter]) * length], offset, os.RWF_DSYNC)


def _allocate(files: Files, slot: int, mode: int, offset: int, length: int) -> None:
    call = ctypes.CDLL(None, use_errno=True).fallocate
    call(files[slot], mode, ctypes.c_long(offset), ctypes.c_long(length))


def _store(files: Files, slot: int, offset: int, length: int, letter: int) -> None:
    size = os.fstat(files[slot]).st_size
    end = min(offset + length, size)
    if offset < end:
        with mmap.mmap(files[slot], size) as mapped:
            mapped[offset:end] = bytes([letter]) * (end - offset)


def _msync(files: Files, slot: int, offset: int, length: int) -> None:
    size = os.fstat(files[slot]).st_size
    start = offset // mmap.PAGESIZE * mmap.PAGESIZE
    if start < size:
        with mmap.mmap(files[slot], size) as mapped:
            mapped.flush(start, min(offset + length, size) - start)


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


ON_FILES: Final[dict[str, Callable[..., object]]] = {
    "open": _open,
    "open-nameless": _open_nameless,
    "name": _name,
    "write": _write,
    "append": _append,
    "write-through": _write_through,
    "allocate": _allocate,
    "store": _store,
    "msync": _msync,
    "truncate": lambda files, slot, size: os.ftruncate(files[slot], size),
    "close": lambda files, slot: os.close(files.pop(slot)),
    "fsync": lambda files, slot: os.fsync(files[slot]),
    "fdatasync": lambda files, slot: os.fdatasync(files[slot]),
}
"""Steps with an open file, by slot."""

ON_NAMES: Final[dict[str, Callable[..., object]]] = {
    "sync-directory": _sync_directory,
    "sync": os.sync,
    "rename": os.rename,
    "link": os.link,
    "symlink": os.symlink,
    "unlink": os.unlink,
    "mkdir": os.mkdir,
    "rmdir": os.rmdir,
    "chmod": os.chmod,
    "pause": lambda milliseconds: time.sleep(milliseconds / 1000),
}
"""Steps with names alone."""
