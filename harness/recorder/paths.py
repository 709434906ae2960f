"""Paths as a worker means them: from its own folders, inside the subject's folder or not.

Every path-based call is made by the harness on an opened parent directory, so that no other
thread can swap a component in between.

Source: `path_resolution(7)`, `openat(2)`, `proc_pid_cwd(5)`.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from harness.recorder import abi, processes
from harness.recorder.processes import Process

_LINKS_FOLLOWED = 40
"""Symbolic links followed in one path, as in the kernel."""


@dataclass(slots=True)
class Place:
    """A name in a directory below the subject's folder; close it, or use it with `with`."""

    parent_fd: int
    name: bytes
    relative: str

    def close(self) -> None:
        """Give up the parent directory."""
        os.close(self.parent_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def status(self) -> os.stat_result | None:
        """Return what the name refers to, a symbolic link not followed; None if nothing."""
        try:
            return os.stat(self.name, dir_fd=self.parent_fd, follow_symlinks=False)
        except FileNotFoundError:
            return None


class Folder:
    """The subject's folder, which decides what is recorded."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path).encode()
        self._prefix = self.path + b"/"

    def relative(self, path: bytes) -> str | None:
        """Return a real path relative to the folder (`.` for itself), or None if outside."""
        if path == self.path:
            return "."
        if not path.startswith(self._prefix):
            return None
        return os.fsdecode(path[len(self._prefix) :])

    def place(self, process: Process, tid: int, dirfd: int, path: bytes) -> Place | None:
        """Find the name that a worker's path ends in; None if it lies outside the folder.

        Raises:
            OSError: the path leads nowhere, as it would for the worker.
        """
        full = _as_seen_from_here(process, tid, dirfd, path)
        parent, name = os.path.split(full.rstrip(b"/"))
        if name in (b"", b".", b".."):
            return None
        parent_fd = os.open(parent or b"/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        inside = self.relative(processes.path_of(parent_fd))
        if inside is None:
            os.close(parent_fd)
            return None
        shown = os.fsdecode(name)
        return Place(parent_fd, name, shown if inside == "." else f"{inside}/{shown}")

    def place_followed(self, process: Process, tid: int, dirfd: int, path: bytes) -> Place | None:
        """Like `place`, but where the name is a symbolic link, find what it leads to.

        Raises:
            OSError: the path leads nowhere, or through too many links.
        """
        place = self.place(process, tid, dirfd, path)
        for _ in range(_LINKS_FOLLOWED):
            if place is None:
                return None
            status = place.status()
            if status is None or not stat.S_ISLNK(status.st_mode):
                return place
            target = os.readlink(place.name, dir_fd=place.parent_fd)
            parent = processes.path_of(place.parent_fd)
            place.close()
            place = self.place(process, tid, abi.AT_FDCWD, os.path.join(parent, target))
        if place is not None:
            place.close()
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _as_seen_from_here(process: Process, tid: int, dirfd: int, path: bytes) -> bytes:
    if not path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if path.startswith(b"/proc/self/"):
        return b"/proc/%d/%s" % (process.pid, path.removeprefix(b"/proc/self/"))
    if path.startswith(b"/proc/thread-self/"):
        return b"/proc/%d/%s" % (tid, path.removeprefix(b"/proc/thread-self/"))
    if path.startswith(b"/"):
        return path
    base = b"cwd" if dirfd == abi.AT_FDCWD else b"fd/%d" % dirfd
    return b"/proc/%d/%s/%s" % (tid, base, path)


def found(find: Callable[[], Place | None]) -> Place | None:
    """Return the place, or None where the path leads nowhere: the worker will see that itself."""
    try:
        return find()
    except OSError:
        return None
