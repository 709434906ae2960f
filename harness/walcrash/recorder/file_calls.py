"""Calls on open files: syncs, sizes, attributes, mappings.

What is stored through a mapping is no call; see `mappings`.

Source: the manual page of each call, section 2.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Callable
from functools import partial
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.paths import found
from walcrash.recorder.processes import OpenFile, Process
from walcrash.recorder.reverting import Reverting
from walcrash.recorder.status import status_of
from walcrash.recorder.supervisor import Handler, Supervisor
from walcrash.recorder.unreadable_pages import map_without, page_struck
from walcrash.recorder.words import fd_of, signed
from walcrash.values.event import INJECTED, EventKind

_MAP_ANONYMOUS: Final = 0x20
_MAP_SYNC: Final = 0x8_0000

_MS_INVALIDATE: Final = 2
_MS_SYNC: Final = 4

Arguments = tuple[int, ...]


def file_handlers(supervisor: Supervisor) -> dict[str, Handler]:
    """Return the handlers of this module by the calls' names."""
    return _FileCalls(supervisor).by_name()


class _FileCalls:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._reverting = Reverting(supervisor) if supervisor.reverts_files else None

    def by_name(self) -> dict[str, Handler]:
        here = abi.AT_FDCWD
        attribute_of_fd = ("fchown", "fsetxattr", "fremovexattr")
        attribute_of_path = (
            "chown", "lchown", "utime", "utimes", "setxattr", "lsetxattr", "removexattr",
            "lremovexattr",
        )  # fmt: skip
        attribute_at = ("fchownat", "futimesat", "utimensat")
        return {
            "fsync": partial(self._sync_file, EventKind.FSYNC, os.fsync),
            "fdatasync": partial(self._sync_file, EventKind.FDATASYNC, os.fdatasync),
            "sync": self._sync_all,
            "syncfs": self._sync_file_system,
            "sync_file_range": self._sync_range,
            "msync": self._msync,
            "mmap": self._mmap,
            "ftruncate": self._ftruncate,
            "fallocate": self._fallocate,
            "open_by_handle_at": self._open_by_handle,
            "fchmod": self._fchmod,
            "chmod": lambda p, t, a, _: self._chmod(p, t, here, a[0], a[1], 0),
            "fchmodat": lambda p, t, a, _: self._chmod(p, t, fd_of(a[0]), a[1], a[2], 0),
            "fchmodat2": lambda p, t, a, _: self._chmod(p, t, fd_of(a[0]), a[1], a[2], a[3]),
            **dict.fromkeys(attribute_of_fd, self._attribute_of_fd),
            **dict.fromkeys(attribute_of_path, self._attribute_of_path),
            **dict.fromkeys(attribute_at, self._attribute_at),
        }

    def _sync_file(
        self,
        kind: EventKind,
        sync: Callable[[int], None],
        process: Process,
        tid: int,
        a: Arguments,
        _: int,
    ) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        result = self._supervisor.event(
            kind, tid, lambda: sync(file.fd), path=file.path, file=file.number
        )
        if self._reverting is not None:
            self._reverting.after_sync(tid, file, result)
        return result

    def _sync_all(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        # It is not made as asked: it would sync the whole machine, and a kill loses nothing.
        return self._supervisor.event(EventKind.SYNC_ALL, tid, self._supervisor.sync_all)

    def _sync_file_system(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        fd = process.duplicate(fd_of(a[0]))
        try:
            is_ours = status_of(fd).st_dev == status_of(self._supervisor.directory.path).st_dev
        finally:
            os.close(fd)
        return self._sync_all(process, tid, a, 0) if is_ours else None

    def _sync_range(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        return self._supervisor.event(
            EventKind.SYNC_RANGE, tid,
            lambda: abi.raw_call("sync_file_range", file.fd, signed(a[1]), signed(a[2]), a[3]),
            path=file.path, file=file.number, offset=signed(a[1]), length=signed(a[2]), flags=a[3],
        )  # fmt: skip

    def _msync(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        """Record what an msync makes durable; the kernel goes on to make the call itself."""
        mappings = self._supervisor.mappings
        flags = a[2] & 0xFFFF_FFFF
        # MS_ASYNC promises nothing, and what is odd the kernel refuses.
        if not mappings.files or flags & ~_MS_INVALIDATE != _MS_SYNC or a[0] % mmap.PAGESIZE:
            return None
        end = a[0] + -(-a[1] // mmap.PAGESIZE) * mmap.PAGESIZE
        ranges, is_all_mapped = mappings.covered(process.pid, a[0], end)

        def perform() -> None:
            if not is_all_mapped:
                # It does sync what is mapped, and says that it failed.
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

        for synced in ranges:
            result = self._supervisor.event(
                EventKind.MSYNC, tid, perform, path=synced.file.path, file=synced.file.number,
                offset=synced.offset, length=synced.length, flags=flags,
            )  # fmt: skip
            if result < 0 and self._supervisor.rows[-1][8] & INJECTED:
                return result
        return None

    def _mmap(self, process: Process, tid: int, a: Arguments, id_: int) -> int | None:
        """Record that a file can be stored to from now on; the kernel maps it.

        A page of it may be one that cannot be read.
        """
        flags = a[3]
        if flags & _MAP_ANONYMOUS or not flags & abi.MAP_SHARED:
            return None
        file = self._supervisor.open_file(process, fd_of(a[4]))
        if file is None:
            return None
        page = page_struck(self._supervisor, file, a[5], a[1])
        result = self._mapped(file, tid, a, flags)
        if result is None and page is not None:
            map_without(self._supervisor, tid, id_, file, a, page)
        return result

    def _mapped(self, file: OpenFile, tid: int, a: Arguments, flags: int) -> int | None:
        """Follow a file that can be stored to; return why it is not mapped, or None.

        A descriptor to read and write counts whatever the protection: mprotect can raise it.
        """
        if fcntl.fcntl(file.fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDWR:
            return None
        if flags & _MAP_SYNC == _MAP_SYNC:
            # Stores would be durable without a call. Refused as without DAX: programs fall back.
            return -errno.EOPNOTSUPP
        mappings = self._supervisor.mappings
        thread = self._supervisor.thread_number(tid)
        unmapped = mappings.unmapped(thread)
        result = self._supervisor.event(
            EventKind.MAP, tid, lambda: None, path=file.path, file=file.number,
            offset=a[5], length=a[1], flags=flags,
        )  # fmt: skip
        if result < 0:
            return result
        mappings.drop(unmapped)
        mappings.add(file, thread)
        return None

    def _ftruncate(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        size = signed(a[1])
        return self._supervisor.event(
            EventKind.TRUNCATE, tid, lambda: os.ftruncate(file.fd, size),
            path=file.path, file=file.number, offset=size,
        )  # fmt: skip

    def _fallocate(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        mode, offset, length = a[1], signed(a[2]), signed(a[3])
        return self._supervisor.event(
            EventKind.ALLOCATE, tid,
            lambda: abi.raw_call("fallocate", file.fd, mode, offset, length),
            path=file.path, file=file.number, offset=offset, length=length, flags=mode,
        )  # fmt: skip

    def _open_by_handle(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        if a[2] & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC):
            self._supervisor.unmodelled.add("open_by_handle_at for writing")
        return None

    def _fchmod(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        return self._supervisor.event(
            EventKind.ATTRIBUTE, tid, lambda: os.fchmod(file.fd, a[1] & 0xFFFF),
            path=file.path, file=file.number, mode=a[1] & 0o7777,
        )  # fmt: skip

    def _chmod(
        self, process: Process, tid: int, dirfd: int, path_at: int, mode: int, flags: int
    ) -> int | None:
        """Change a mode; unlike other attributes, it is part of an image."""
        path = process.read_path(path_at)
        if not path:
            return self._fchmod(process, tid, (dirfd, mode), 0) if flags else None
        directory = self._supervisor.directory
        find = directory.place if flags & abi.AT_SYMLINK_NOFOLLOW else directory.place_followed
        place = found(partial(find, process, tid, dirfd, path))
        if place is None:
            return None

        def perform() -> None:
            if flags:
                abi.raw_call("fchmodat2", place.parent_fd, place.exact_name, mode, flags)
            else:
                os.chmod(place.exact_name, mode & 0xFFFF, dir_fd=place.parent_fd)

        with place:
            status = place.status()
            number = -1 if status is None else self._supervisor.file_number(status)
            return self._supervisor.event(
                EventKind.ATTRIBUTE, tid, perform, path=place.relative, file=number,
                mode=mode & 0o7777,
            )  # fmt: skip

    def _attribute_of_fd(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is not None:
            self._attribute(tid, file.path, file.number)
        return None

    def _attribute_of_path(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        return self._attribute_at_path(process, tid, abi.AT_FDCWD, a[0])

    def _attribute_at(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        if not a[1]:
            return self._attribute_of_fd(process, tid, a, 0)
        return self._attribute_at_path(process, tid, fd_of(a[0]), a[1])

    def _attribute_at_path(
        self, process: Process, tid: int, dirfd: int, path_at: int
    ) -> int | None:
        path = process.read_path(path_at)
        place = found(partial(self._supervisor.directory.place, process, tid, dirfd, path))
        if place is not None:
            with place:
                if place.status() is not None:
                    self._attribute(tid, place.relative, -1)
        return None

    def _attribute(self, tid: int, path: str, file: int) -> None:
        # The worker makes the call itself: owners, times and the like are not part of an image.
        self._supervisor.event(EventKind.ATTRIBUTE, tid, lambda: None, path=path, file=file)
