"""Opening evidence: to read only, without a lock, without a trace where the system allows it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from walcrash.values.errors import Inconclusive, UsageError

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_UNREADABLE: Final = (errno.EIO, errno.ENXIO, errno.ESTALE, errno.EBADMSG, errno.EUCLEAN)
_NO_TRACE: Final = getattr(os, "O_NOATIME", 0)


@contextmanager
def opened_to_read(path: Path) -> Iterator[int]:
    """Open a regular file, and close it at the end.

    Raises:
        FileNotFoundError: there is none.
        UsageError: it is no regular file, or cannot be read.
        Inconclusive: it was changed meanwhile.
    """
    fd = _open(path)
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise UsageError(
                f"read {path}: it is {_kind(before.st_mode)}, and a log is a regular file",
                hint=_hint(path, before.st_mode),
            )
        try:
            yield fd
        except OSError as problem:
            if problem.errno not in _UNREADABLE:
                raise
            raise UsageError(
                f"read {path}: {problem.strerror}",
                hint="copy what can be read (ddrescue does it), and judge the copy",
            ) from problem
        after = os.fstat(fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise Inconclusive(
                f"read {path}: it was changed meanwhile, from {before.st_size:,} to "
                f"{after.st_size:,} bytes; nothing can be said of it",
                hint="stop what writes it, or judge a copy",
            )
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    try:
        try:
            return os.open(path, _FLAGS | _NO_TRACE)
        except PermissionError:
            # Only the owner may read without a trace.
            return os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise UsageError(
            f"read {path}: {problem.strerror}", hint=f"check it: ls -l {path}"
        ) from problem
    except ValueError as problem:
        raise UsageError(
            f"no file can be called {str(path)!r}: {problem}", hint="name a file that is there"
        ) from problem


def _kind(mode: int) -> str:
    for test, word in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return word
    return "no regular file"


def _hint(path: Path, mode: int) -> str:
    if stat.S_ISDIR(mode):
        return f"name the log in it, such as {path / 'wal.log'}"
    return "copy what it gives into a file, and judge that"
