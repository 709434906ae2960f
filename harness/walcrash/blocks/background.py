"""The background: what else writes back while a workload runs, as on a machine that is in use.

It has descriptors of its own and closes none of them before the workload has ended, since ext4
allocates a file's blocks when any description of it is released.

Two backgrounds are of the device: data is held while everything else goes on, or it is answered
with EIO from time to time. They are recorded where they are asked for by name.

Not here: the file system's own timers, which go on as they always do.

Source: `sync_file_range(2)`; Linux, `fs/ext4/file.c` (`ext4_release_file`).
"""

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from walcrash.blocks.data_writes import DataWrites
from walcrash.values.seed import Prng

# limits
_LONGEST_PAUSE_MS: Final = 8
_MOST_OPEN: Final = 256
"""Descriptors of one background; with more it does nothing."""

SLOW_SECONDS: Final = 0.002
"""What each block write takes on a slow device."""

HELD_SECONDS: Final = 0.5
"""How long a write of data takes that is held."""

_WRITE: Final = 2
"""SYNC_FILE_RANGE_WRITE."""

_PIECES: Final = 16
_PIECE_BYTES: Final = 4096

NONE: Final = "none"
SLOW: Final = "slow"
MIXED: Final = "mixed"
HELD: Final = "held"
FAILING: Final = "failing"

_libc: Final = ctypes.CDLL(None, use_errno=True)


def sync_file_system(path: str) -> None:
    """Sync the file system that holds a directory, as `syncfs(2)` does.

    Raises:
        OSError: it could not write everything.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(fd)


@dataclass(slots=True)
class OutsideSync:
    """A sync of a file of the workload by the background.

    Attributes:
        path: the file, in the workload's directory.
        began_ns: when it began, by the monotonic clock.
        ended_ns: when it returned; None if it has not.
    """

    path: str
    began_ns: int
    ended_ns: int | None = None


class _Background:
    def __init__(
        self, directory: str, beside: str, prng: Prng, treat_data: Callable[[DataWrites], None]
    ) -> None:
        self.syncs: list[OutsideSync] = []
        self.treat_data = treat_data
        self._directory = directory
        self._other = os.open(beside, os.O_CREAT | os.O_RDWR, 0o600)
        self._prng = prng
        self._fds: list[int] = [self._other]

    def commit(self) -> None:
        """Have the journal committed, without the data of any file of the workload."""
        os.pwrite(self._other, self._prng.data(8), 8 * self._prng.below(1 << 12))
        os.fsync(self._other)

    def sync_one(self) -> None:
        """Sync a file of the workload, from outside."""
        found = self._some_file()
        if found is not None:
            fd, path = found
            sync = OutsideSync(os.path.relpath(path, self._directory), time.monotonic_ns())
            self.syncs.append(sync)
            os.fsync(fd)
            sync.ended_ns = time.monotonic_ns()

    def write_back(self) -> None:
        """Have a few pages of a file of the workload written, and no more."""
        found = self._some_file()
        if found is not None:
            fd, _ = found
            start = self._prng.below(_PIECES) * _PIECE_BYTES
            _libc.sync_file_range(
                fd, ctypes.c_long(start), ctypes.c_long(self._prng.below(4) * _PIECE_BYTES), _WRITE
            )

    def hold(self) -> None:
        """Have data held from now on, and the journal committed."""
        self.treat_data(DataWrites.HELD)
        self.commit()

    def fail(self) -> None:
        """Have writes of data fail for a while, or be made again."""
        self.treat_data(self._prng.choice((DataWrites.MADE, DataWrites.FAILED)))

    def anything(self) -> None:
        """Do one of these."""
        self._prng.choice((self.commit, self.sync_one, self.write_back))()

    def _some_file(self) -> tuple[int, str] | None:
        names = sorted(
            f"{where}/{name}" for where, _, names in os.walk(self._directory) for name in names
        )
        if not names or len(self._fds) >= _MOST_OPEN:
            return None
        path = self._prng.choice(names)
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._fds.append(fd)
        return fd, path

    def go_on(self, act: Callable[[], None], is_over: threading.Event) -> None:
        """Act again and again."""
        while not is_over.wait(self._prng.below(_LONGEST_PAUSE_MS) / 1000):
            # A name that has gone meanwhile, or a link.
            with contextlib.suppress(OSError):
                act()

    def close(self) -> None:
        self.treat_data(DataWrites.MADE)
        for fd in self._fds:
            os.close(fd)


_ACTS: Final[dict[str, Callable[[_Background], None]]] = {
    "commit": _Background.commit,
    "sync": _Background.sync_one,
    "writeback": _Background.write_back,
    MIXED: _Background.anything,
}

USUAL: Final = (NONE, SLOW, *_ACTS)
"""Those that are recorded where nobody names others."""

_ON_DEVICE: Final[dict[str, Callable[[_Background], None]]] = {
    HELD: _Background.hold,
    FAILING: _Background.fail,
}

BACKGROUNDS: Final = (*USUAL, *_ON_DEVICE)
"""Their names."""


@contextlib.contextmanager
def background(
    kind: str,
    directory: str,
    beside: str,
    prng: Prng,
    *,
    treat_data: Callable[[DataWrites], None] = lambda _: None,
) -> Iterator[list[OutsideSync]]:
    """Have a background for a while; the syncs of the workload's files are listed as they begin.

    Args:
        kind: one of `BACKGROUNDS`.
        directory: what the workload changes.
        beside: a file of the same file system that is none of the workload's.
        prng: what it is drawn from; when it falls is the machine's affair.
        treat_data: has the device treat writes of data in some way from then on; needed for
            the backgrounds that are of the device.
    """
    act = {**_ACTS, **_ON_DEVICE}.get(kind)
    if act is None:
        yield []
        return
    made, is_over = _Background(directory, beside, prng, treat_data), threading.Event()
    if kind in _ON_DEVICE:
        act(made)
    thread = threading.Thread(target=made.go_on, args=(lambda: act(made), is_over))
    thread.start()
    try:
        yield made.syncs
    finally:
        is_over.set()
        thread.join()
        made.close()
