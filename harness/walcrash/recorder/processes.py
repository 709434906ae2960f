"""The processes under watch: their memory and their open files, as the kernel sees them.

A thread belongs to a process; its threads share descriptors and memory. What is kept here is
a cache that the supervisor invalidates whenever a call could make it stale (`close`, `dup2`,
`execve`, `clone`).

The harness holds a duplicate of each descriptor that a worker writes to, so that it can make
the call itself: the same open file description, hence the same offset, flags and locks.

Source: `pidfd_getfd(2)`, `proc_pid_mem(5)`, `proc_pid_status(5)`.
"""

import errno
import fcntl
import os
import stat
from dataclasses import dataclass, field
from functools import lru_cache

from walcrash.recorder import abi
from walcrash.recorder.status import status_of, status_of_name

PATH_BYTES = 4096
"""Longest path that Linux takes."""

STATUS_BYTES = 1 << 16
"""Longest `/proc/PID/status`: a few kilobytes, more with thousands of groups."""

_MEMORY_PIECE_BYTES = 1 << 20

_FEWEST_ZEROS = 4096
"""From this length on it is asked whether what was read is all zeros."""

# limits
MOST_ZEROS_BYTES = 1 << 22
"""Longest run of zeros that is shared."""

_LENGTHS = 4
"""Lengths of which the run of zeros is kept: a program fills a file in equal writes."""

_REMOVED = b" (deleted)"


@lru_cache(_LENGTHS)
def _zeros(length_bytes: int) -> bytes:
    return bytes(length_bytes)


def shared_zeros(data: bytes) -> bytes:
    """Return the same bytes; one object for all that are zeros and of one length.

    A file that is filled with zeros in advance would be in memory as often as it is written.
    """
    if data[0] or data[-1] or len(data) > MOST_ZEROS_BYTES:
        return data
    zeros = _zeros(len(data))
    return zeros if data == zeros else data


@dataclass(slots=True)
class OpenFile:
    """A duplicate of a worker's descriptor for a file or directory below the directory.

    `number` is the file's number in the trace, `path` its current name relative to the directory.
    """

    fd: int
    number: int
    path: str
    is_synchronous: bool


@dataclass(slots=True)
class Process:
    """One process under watch.

    `files` maps its descriptors, with None for those that are not below the directory; `umask`
    is None until it is needed.
    """

    pid: int
    pidfd: int
    memory: int
    files: dict[int, OpenFile | None] = field(default_factory=dict)
    umask: int | None = None

    @classmethod
    def attach(cls, pid: int) -> "Process":
        """Open a process by its id.

        Raises:
            OSError: it is gone, or this process may not read its memory.
        """
        pidfd = os.pidfd_open(pid)
        try:
            memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            os.close(pidfd)
            raise
        return cls(pid, pidfd, memory)

    def read(self, address: int, length_bytes: int) -> bytes:
        """Read the process's memory; shorter where the mapping ends.

        Raises:
            OSError: nothing is mapped at the address (EFAULT).
            ProcessLookupError: the process is gone.
        """
        data = self._read_piece(address, length_bytes)
        if length_bytes and not data:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        if len(data) == length_bytes or len(data) < _MEMORY_PIECE_BYTES:
            return data if len(data) < _FEWEST_ZEROS else shared_zeros(data)
        pieces = [data]
        got = len(data)
        while got < length_bytes and (
            piece := os.pread(self.memory, length_bytes - got, address + got)
        ):
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)

    def _read_piece(self, address: int, length_bytes: int) -> bytes:
        try:
            return os.pread(self.memory, length_bytes, address)
        except (OSError, OverflowError):
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT)) from None

    def write(self, address: int, data: bytes) -> None:
        """Write to the process's memory.

        Raises:
            OSError: nothing is mapped at the address (EFAULT).
        """
        try:
            os.pwrite(self.memory, data, address)
        except (OSError, OverflowError):
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT)) from None

    def read_path(self, address: int) -> bytes:
        """Read a NUL-terminated path.

        Raises:
            OSError: nothing is mapped at the address, or the path is too long.
        """
        text = self.read(address, PATH_BYTES)
        end = text.find(b"\0")
        if end < 0:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        return text[:end]

    def duplicate(self, fd: int) -> int:
        """Return a duplicate of one of the process's descriptors.

        Raises:
            OSError: it has no such descriptor.
        """
        return abi.raw_call("pidfd_getfd", self.pidfd, fd, 0)

    def forget_file(self, fd: int) -> None:
        """Give up the duplicate of a descriptor that is about to be closed or replaced."""
        entry = self.files.pop(fd, None)
        if entry is not None:
            os.close(entry.fd)

    def forget_files(self) -> None:
        """Give up all duplicates."""
        for fd in list(self.files):
            self.forget_file(fd)

    def detach(self) -> None:
        """Give up everything that is held of the process."""
        self.forget_files()
        os.close(self.memory)
        os.close(self.pidfd)


def status_value(tid: int, name: str) -> str | None:
    """Return one value of `/proc/TID/status`; None if the thread is gone or says nothing of it."""
    try:
        fd = os.open(f"/proc/{tid}/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(fd, STATUS_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The first line is the program's name, in which newlines are escaped.
    _, found, rest = text.partition(b"\n%s:\t" % name.encode())
    return rest.partition(b"\n")[0].decode("utf-8", "replace") if found else None


def path_of(fd: int) -> bytes:
    """Return the path that the kernel has for one of our own descriptors.

    For a file that has been removed it is the last one.
    """
    path = os.readlink(f"/proc/self/fd/{fd}".encode())
    if path.endswith(_REMOVED) and not _is_called(fd, path):
        return path.removesuffix(_REMOVED)
    return path


def _is_called(fd: int, path: bytes) -> bool:
    try:
        named, ours = status_of_name(path), status_of(fd)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


def is_file_or_directory(fd: int) -> bool:
    """Whether a descriptor is for something that the directory can hold."""
    mode = status_of(fd).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def is_of_a_disk(path: bytes) -> bool:
    """Whether the path that the kernel has for a file is one that outlives its process."""
    return path.startswith(b"/") and not path.startswith((b"/memfd:", b"/proc/"))


def is_writable(fd: int) -> bool:
    """Whether a descriptor was opened for writing."""
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def is_synchronous(fd: int) -> bool:
    """Whether every write through this descriptor is durable when it returns."""
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_SYNC | os.O_DSYNC))
