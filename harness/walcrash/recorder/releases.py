"""Releases: which files that were truncated to nothing are closed for good by a call.

ext4 writes such a file out when an open file description of it is released: the last of the
descriptors that share it (by dup, or in children), wherever it is. So a call that closes is
read only while there is such a file, and costs nothing otherwise.

Where it is in doubt whether a description is released (it is mapped, or the kernel cannot
compare descriptors), it is not: the model then promises less than the file system does.

Not here: descriptors that go without a call: those of a process that a signal has ended, those
that `execve(2)` closes, and those that are on their way through a socket.

Source: `kcmp(2)`, `proc_pid_fd(5)`, `proc_tid_children(5)`; Linux, `fs/ext4/file.c`
(`ext4_release_file`).
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import psutil

from walcrash.recorder import abi
from walcrash.recorder.descendants import below
from walcrash.recorder.memory_maps import regions
from walcrash.recorder.processes import status_value
from walcrash.recorder.status import status_of

_KCMP_FILE: Final = 0

Key = tuple[int, int]
"""A file's device and inode."""


def released(
    pid: int, closing: set[int], files: Mapping[int, Key], family: Callable[[], list[int]]
) -> list[tuple[int, int]]:
    """Return which files lose an open file description when a process closes descriptors.

    Args:
        pid: the process.
        closing: its descriptors that are about to be closed.
        files: the files that are asked about, by number.
        family: says which processes may share its files.

    Returns:
        Each file's number, with one of the descriptors.
    """
    found: dict[int, int] = {}
    numbers = {key: number for number, key in files.items()}
    for fd in sorted(closing):
        key = _key(pid, fd)
        if key in numbers and numbers[key] not in found:
            pids = family()
            held = _is_held(pid, fd, closing, key, pids) or _is_mapped(key, {pid, *pids})
            if not held:
                found[numbers[key]] = fd
    return list(found.items())


def _is_held(pid: int, fd: int, closing: set[int], key: Key, pids: Iterable[int]) -> bool:
    """Whether a descriptor that stays open shares the description of one that does not."""
    return any(
        _is_same(pid, fd, other, other_fd)
        for other in {pid, *pids}
        for other_fd in open_fds(other)
        if _key(other, other_fd) == key and not (other == pid and other_fd in closing)
    )


def _is_same(pid: int, fd: int, other: int, other_fd: int) -> bool:
    try:
        return abi.raw_call("kcmp", pid, other, _KCMP_FILE, fd, other_fd) == 0
    except OSError:
        # It has gone meanwhile, or it cannot be known.
        return is_open(other, other_fd)


def _is_mapped(key: Key, pids: Iterable[int]) -> bool:
    """Whether a file is mapped; some file systems show another device there, so none is asked."""
    return any(region.inode == key[1] for pid in pids for region in regions(pid))


def _key(pid: int, fd: int) -> Key | None:
    try:
        status = status_of(f"/proc/{pid}/fd/{fd}")
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_open(pid: int, fd: int) -> bool:
    """Whether a process has a descriptor."""
    return os.path.lexists(f"/proc/{pid}/fd/{fd}")


def open_fds(pid: int) -> list[int]:
    """Return the descriptors of a process; none if it is gone."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []


def family(pid: int) -> list[int]:
    """Return a worker, its siblings and all that they have started, this process left out.

    Orphans are siblings, since the worker's parent takes them in. Where the kernel does not list
    children, or the worker is gone, all processes are returned.
    """
    parent = status_value(pid, "PPid")
    if parent is None or not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        return [other for other in psutil.pids() if other != os.getpid()]
    return below(int(parent))
