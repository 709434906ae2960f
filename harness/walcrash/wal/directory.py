"""The directory: its lock, its names, and files that are replaced as a whole or not at all.

A file is replaced by writing a temporary one, syncing it, renaming it over the old name and
syncing the directory. A crash leaves the old file or the new one, and perhaps a temporary one,
which the next open removes.

After a failed sync nothing is believed: the kernel may have dropped the dirty pages and will
report success the next time. So the first such failure poisons the directory, and every later
write through it is refused until the WAL is opened again.

Not here: what is in the files (`layout`, `checkpoint`, `state`).

Source: fsync(2), rename(2), flock(2); Rebello et al., "Can Applications Recover from fsync
Failures?", ATC 2020.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from walcrash.wal.errors import DirectoryBusy, ReplaceFailed, SyncFailed, WalClosed, WalPoisoned

LOG_NAME = "wal.log"
STATE_NAME = "outbox.state"
CHECKPOINT_NAME = "checkpoint"
TEMPORARY_SUFFIX = ".tmp"

_NAMES = (LOG_NAME, STATE_NAME, CHECKPOINT_NAME)
_FILE_MODE = 0o666


class Directory:
    """An open directory, locked for one user at a time.

    The lock is held on the directory itself, so that no file has to be made for it, and is gone
    with the process that held it.
    """

    __slots__ = ("_failure", "_fd", "path")

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._failure = ""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Lock the directory, making it if its parent is there, and remove left-over files.

        Raises:
            DirectoryBusy: somebody else has it open.
            OSError: it cannot be opened or made.
        """
        if not path.exists():
            _make(path)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        directory = cls(path, fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in _NAMES:
                _remove(directory.name(name + TEMPORARY_SUFFIX))
        except BlockingIOError:
            directory.close()
            raise DirectoryBusy(
                f"open {path}: it is locked by another user of this WAL",
                hint=f"find the process with: fuser -v {path}",
            ) from None
        except BaseException:
            directory.close()
            raise
        return directory

    def name(self, name: str) -> str:
        """Return the full path of a file in the directory."""
        return os.path.join(self.path, name)

    def open_file(self, name: str) -> int | None:
        """Open a file to read and write; None if there is none of that name."""
        self.check()
        try:
            return os.open(self.name(name), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None

    def read_file(self, name: str) -> bytes | None:
        """Return all bytes of a file; None if there is none of that name."""
        self.check()
        try:
            return Path(self.name(name)).read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, name: str, write: Callable[[int], None]) -> int:
        """Make a file anew, atomically and durably, and return it open to read and write.

        Raises:
            ReplaceFailed: the new file could not be made; the old one is untouched.
            SyncFailed: the new file is in place, but perhaps not after a power loss.
        """
        self.check()
        temporary = self.name(name + TEMPORARY_SUFFIX)
        fd = -1
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE)
            write(fd)
            os.fsync(fd)
            os.rename(temporary, self.name(name))
        except BaseException as problem:
            _discard(fd, temporary)
            if not isinstance(problem, OSError):
                raise
            raise ReplaceFailed(
                f"write {self.name(name)} anew: {problem}; the old file is untouched",
                hint=f"check for free space: df {self.path}",
            ) from problem
        try:
            self.sync()
        except BaseException:
            os.close(fd)
            raise
        return fd

    def sync(self) -> None:
        """Make the names in the directory durable.

        Raises:
            SyncFailed: the directory is poisoned.
        """
        self.check()
        self._sync_or_poison(os.fsync, self._fd, str(self.path))

    def sync_data(self, fd: int, name: str) -> None:
        """Make the data of a file durable.

        Raises:
            SyncFailed: the directory is poisoned.
        """
        self.check()
        self._sync_or_poison(os.fdatasync, fd, self.name(name))

    def poison(self, failure: str) -> None:
        """Refuse every later write, because of this."""
        self._failure = failure

    def check(self) -> None:
        """Refuse to go on after `close` or after a failure that poisoned the directory.

        Raises:
            WalClosed: it was closed.
            WalPoisoned: an earlier write or sync failed.
        """
        if self._fd < 0:
            raise WalClosed(f"{self.path} was closed", hint="open it again")
        if self._failure:
            raise WalPoisoned(
                f"{self.path} takes no more writes, since an earlier one failed: {self._failure}",
                hint="close it, check the device, and open it again",
            )

    @property
    def is_poisoned(self) -> bool:
        """Whether an earlier failure has made the disk's content unknown."""
        return bool(self._failure)

    def close(self) -> None:
        """Give the lock back; closing twice is allowed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _sync_or_poison(self, sync: Callable[[int], None], fd: int, name: str) -> None:
        try:
            sync(fd)
        except OSError as problem:
            self.poison(f"sync {name}: {problem}")
            raise SyncFailed(
                f"sync {name}: {problem}; what was written since the last sync may be lost",
                hint="close it, check the device, and open it again",
            ) from problem


def write_all(fd: int, data: bytes, position: int) -> None:
    """Write all bytes at a position: in one call, unless the system takes fewer.

    Raises:
        OSError: fewer were written; how many is unknown.
    """
    written = os.pwrite(fd, data, position)
    while written < len(data):
        count = os.pwrite(fd, data[written:], position + written)
        if count == 0:
            raise OSError(errno.EIO, "the system takes no more bytes and gives no reason")
        written += count


def _make(path: Path) -> None:
    """Make a directory whose name survives a power loss."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _discard(fd: int, path: str) -> None:
    """Drop a temporary file; that it stays is no harm, since the next open removes it."""
    if fd >= 0:
        os.close(fd)
    with contextlib.suppress(OSError):
        os.unlink(path)
