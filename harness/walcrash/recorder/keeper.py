"""The keeper: a small process that makes a working directory, and removes it in the end.

It runs as a program of its own, by this file's path, and imports nothing but the standard library.
It is there before the directory is, and goes when its standard input ends: that is when the
process that started it closed the pipe, or was killed. So a directory never exists without
somebody who removes it. Its session is its own, so a signal to the campaign's group passes it by.

A keeper can be killed too, and its user with it. So whoever uses a directory holds a shared lock
on it (`flock`), which the kernel takes back from the dead, and each keeper removes the directories
of its user beside its own that nobody holds.

Not here: where the directory is made, and who uses it (`working_directory`).

Source: `flock(2)`; `unix(7)` and `pipe(7)` on the end of a pipe.
"""

import contextlib
import errno
import fcntl
import os
import re
import signal
import sys
import time
from typing import Final

NAME: Final = re.compile(r"walcrash-work-[0-9a-f]{16}")
"""How a working directory is called, and nothing else: what has such a name may be removed."""

MADE: Final = b"made"
"""What the keeper says when the directory is there; else the number of the error."""

# limits
MAKINGS: Final = 100
"""How often a directory is made that others sweep away."""

PAUSE_SECONDS: Final = 0.01
"""How long it is waited for the end of a sweep."""

REMOVALS: Final = 100
"""How often a directory is removed into which somebody still writes."""


def main() -> None:
    """Make the directory that the first argument names; remove it when stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    path = sys.argv[1]
    try:
        held = make(path)
    except OSError as problem:
        _answer(str(problem.errno).encode())
        return
    try:
        _answer(MADE if held is not None else str(errno.ESTALE).encode())
        if held is not None:
            sweep(os.path.dirname(path))
        while os.read(0, 1):
            pass
    finally:
        # Only now is it let go of: nobody sweeps it away before.
        remove(path)


def make(path: str) -> int | None:
    """Make a directory and hold it.

    Another keeper may sweep it away between the two, since nobody holds it then: it is made again.

    Returns:
        The descriptor that holds it; None if it was swept away each time.

    Raises:
        OSError: it cannot be made.
    """
    for _ in range(MAKINGS):
        # One that is there is being swept away; what somebody else made is never held.
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
            held = hold(path)
            if held is not None:
                return held
        time.sleep(PAUSE_SECONDS)
    return None


def hold(path: str) -> int | None:
    """Hold a directory with a shared lock.

    Returns:
        The descriptor that holds it; None if it is being swept away, or is gone.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        is_there = os.path.samestat(os.fstat(fd), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        is_there = False
    if not is_there:
        os.close(fd)
        return None
    return fd


def sweep(parent: str) -> None:
    """Remove this user's working directories in `parent` that nobody holds."""
    with contextlib.suppress(OSError):
        for name in os.listdir(parent):
            if NAME.fullmatch(name):
                _remove_if_left(os.path.join(parent, name))


def _remove_if_left(path: str) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(fd).st_uid == os.geteuid():
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(path)
        finally:
            os.close(fd)


def remove(path: str) -> None:
    """Remove a directory, also while a process that is being killed still writes into it."""
    # It brings three libraries for archives, and most of its time a keeper only waits.
    import shutil

    for _ in range(REMOVALS):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return


def _answer(word: bytes) -> None:
    """Tell it whoever reads stdout; nobody may, and then the end of stdin follows."""
    with contextlib.suppress(OSError):
        os.write(1, word)
    os.close(1)


if __name__ == "__main__":
    main()
