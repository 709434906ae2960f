"""Paths as a worker means them: from its own directories, inside the subject's directory or not.

Every path-based call is made by the harness on an opened parent directory, so that no other
thread can swap a component in between.

Source: `path_resolution(7)`, `openat(2)`, `proc_pid_cwd(5)`, `proc_pid_fd(5)`.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from walcrash.recorder import abi, processes
from walcrash.recorder.processes import Process
from walcrash.recorder.status import FileStatus, status_of, status_of_name
from walcrash.values.closeable import Closeable
from walcrash.values.errors import HarnessFault

_LINKS_FOLLOWED: Final = 40
"""Symbolic links followed in one path, as in the kernel."""

_OUR_OWN_TROUBLE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@dataclass(slots=True)
class Place(Closeable):
    """A name in a directory below the subject's directory; close it, or use it with `with`.

    `exact_name` is the name as the worker wrote it: a slash behind it says that it must be a
    directory, so it belongs into the call that the harness makes.
    """

    parent_fd: int
    name: bytes
    exact_name: bytes
    relative: str

    def close(self) -> None:
        """Give up the parent directory."""
        os.close(self.parent_fd)

    def status(self) -> FileStatus | None:
        """Return what the name refers to, a symbolic link not followed; None if nothing."""
        try:
            return status_of_name(self.name, self.parent_fd)
        except FileNotFoundError:
            return None


class Directory:
    """The subject's directory, which decides what is recorded."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path).encode()
        self._prefix = self.path + b"/"

    def relative(self, path: bytes) -> str | None:
        """Return a real path relative to the directory (`.` for itself), or None if outside."""
        if path == self.path:
            return "."
        if not path.startswith(self._prefix):
            return None
        return os.fsdecode(path[len(self._prefix) :])

    def place(self, process: Process, tid: int, dirfd: int, path: bytes) -> Place | None:
        """Find the name that a worker's path ends in; None if it lies outside the directory.

        Raises:
            OSError: the path leads nowhere, as it would for the worker.
        """
        return self._if_inside(self._anywhere(process, tid, dirfd, path))

    def place_followed(self, process: Process, tid: int, dirfd: int, path: bytes) -> Place | None:
        """Like `place`, but where the name is a symbolic link, find what it leads to.

        Raises:
            OSError: the path leads nowhere, or through too many links.
        """
        place = self._anywhere(process, tid, dirfd, path)
        for _ in range(_LINKS_FOLLOWED):
            status = None if place is None else place.status()
            if place is None or status is None or not stat.S_ISLNK(status.st_mode):
                return self._if_inside(place)
            with place:
                target = _target(place)
            if target is None:
                return None
            place = self._anywhere(process, tid, abi.AT_FDCWD, target)
        if place is not None:
            place.close()
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def is_itself(self, process: Process, tid: int, dirfd: int, path: bytes) -> bool:
        """Whether a worker's path leads to the directory itself."""
        try:
            full = _as_seen_from_here(process, tid, dirfd, path)
            return os.path.samefile(full, self.path)
        except OSError:
            return False

    def is_beside(self, process: Process, tid: int, dirfd: int, path: bytes) -> bool:
        """Whether a worker's path ends in a directory on the directory's own file system."""
        try:
            place = self._anywhere(process, tid, dirfd, path)
        except OSError:
            return False
        if place is None:
            return False
        with place:
            return status_of(place.parent_fd).st_dev == status_of(self.path).st_dev

    def _anywhere(self, process: Process, tid: int, dirfd: int, path: bytes) -> Place | None:
        """Find a name wherever it is; `relative` is empty outside the directory."""
        full = _as_seen_from_here(process, tid, dirfd, path)
        parent, name = os.path.split(full.rstrip(b"/"))
        if name in (b"", b".", b".."):
            return None
        parent_fd = _open_parent(process, parent)
        inside = self.relative(processes.path_of(parent_fd))
        shown = os.fsdecode(name)
        relative = "" if inside is None else shown if inside == "." else f"{inside}/{shown}"
        exact_name = name + b"/" if full.endswith(b"/") else name
        return Place(parent_fd, name, exact_name, relative)

    @staticmethod
    def _if_inside(place: Place | None) -> Place | None:
        if place is not None and not place.relative:
            place.close()
            return None
        return place


def _open_parent(process: Process, parent: bytes) -> int:
    """Open a directory; where a link led to this process's own `/proc`, it opens the worker's."""
    how = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    fd = os.open(parent or b"/", how)
    ours, path = b"/proc/%d/" % os.getpid(), processes.path_of(fd)
    if not path.startswith(ours):
        return fd
    os.close(fd)
    return os.open(b"/proc/%d/%s" % (process.pid, path.removeprefix(ours)), how)


def _target(place: Place) -> bytes | None:
    """Return the path that a link leads to; None for an open file that has lost its name."""
    target = os.readlink(place.name, dir_fd=place.parent_fd)
    parent = processes.path_of(place.parent_fd)
    path = os.path.join(parent, target)
    if parent.startswith(b"/proc/") and not _is_same_file(place, path):
        return None
    return path + b"/" if place.exact_name.endswith(b"/") else path


def _is_same_file(link: Place, path: bytes) -> bool:
    try:
        return os.path.samestat(os.stat(link.name, dir_fd=link.parent_fd), os.stat(path))
    except OSError:
        return False


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
    """Return the place, or None where the path leads nowhere: the worker will see that itself.

    Raises:
        HarnessFault: it may lead somewhere, but this process cannot follow it.
    """
    try:
        return find()
    except OSError as problem:
        if problem.errno in _OUR_OWN_TROUBLE:
            raise HarnessFault(f"a path of the worker cannot be followed: {problem}") from None
        return None
