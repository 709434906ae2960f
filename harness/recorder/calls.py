"""Calls other than plain writes: what each does to the folder, made by the harness itself.

A handler gets (process, thread id, arguments, notification id) and returns the call's result,
a negative errno, or None: the kernel then lets the worker make the call itself. That is the
answer for everything outside the folder. Calls that change the folder in a way that is not
followed are let through and named in `Supervisor.unmodelled`.

Source: the manual page of each call, section 2.
"""

import fcntl
import os
import stat
from collections.abc import Callable
from functools import partial
from typing import Final

from harness.recorder import abi
from harness.recorder.paths import Place
from harness.recorder.processes import Process
from harness.recorder.supervisor import ANSWERED, Handler, Supervisor
from harness.recorder.transfers import transfer_handlers
from harness.recorder.words import fd_of, signed
from harness.values.event import EventKind

_MAP_ANONYMOUS: Final = 0x20
_CREATING: Final = os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)

Arguments = tuple[int, ...]


def handlers(supervisor: Supervisor) -> dict[int, Handler]:
    """Return a handler for every call that the filter hands over, by call number."""
    table = abi.architecture()
    assert table is not None
    by_name: dict[str, Handler] = {
        **_FolderCalls(supervisor).by_name(),
        **_FileCalls(supervisor).by_name(),
        **_ProcessCalls(supervisor).by_name(),
        **transfer_handlers(supervisor),
    }
    return {
        table.numbers[name]: handler for name, handler in by_name.items() if name in table.numbers
    }


class _FolderCalls:
    """Calls that take paths: create, rename, link, unlink, directories."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._folder = supervisor.folder

    def by_name(self) -> dict[str, Handler]:
        here = abi.AT_FDCWD
        return {
            "open": lambda p, t, a, i: self._open(p, t, here, a[0], a[1], a[2], i),
            "creat": lambda p, t, a, i: self._open(
                p, t, here, a[0], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, a[1], i
            ),
            "openat": lambda p, t, a, i: self._open(p, t, fd_of(a[0]), a[1], a[2], a[3], i),
            "openat2": self._openat2,
            "rename": lambda p, t, a, _: self._rename(p, t, (here, a[0]), (here, a[1]), 0),
            "renameat": lambda p, t, a, _: self._rename(
                p, t, (fd_of(a[0]), a[1]), (fd_of(a[2]), a[3]), 0
            ),
            "renameat2": lambda p, t, a, _: self._rename(
                p, t, (fd_of(a[0]), a[1]), (fd_of(a[2]), a[3]), a[4]
            ),
            "link": lambda p, t, a, _: self._link(p, t, (here, a[0]), (here, a[1]), 0),
            "linkat": lambda p, t, a, _: self._link(
                p, t, (fd_of(a[0]), a[1]), (fd_of(a[2]), a[3]), a[4]
            ),
            "symlink": lambda p, t, a, _: self._symlink(p, t, a[0], here, a[1]),
            "symlinkat": lambda p, t, a, _: self._symlink(p, t, a[0], fd_of(a[1]), a[2]),
            "unlink": lambda p, t, a, _: self._unlink(p, t, here, a[0], 0),
            "unlinkat": lambda p, t, a, _: self._unlink(p, t, fd_of(a[0]), a[1], a[2]),
            "rmdir": lambda p, t, a, _: self._unlink(p, t, here, a[0], abi.AT_REMOVEDIR),
            "mkdir": lambda p, t, a, _: self._mkdir(p, t, here, a[0], a[1]),
            "mkdirat": lambda p, t, a, _: self._mkdir(p, t, fd_of(a[0]), a[1], a[2]),
            "mknod": lambda p, t, a, _: self._mknod(p, t, here, a[0], a[1]),
            "mknodat": lambda p, t, a, _: self._mknod(p, t, fd_of(a[0]), a[1], a[2]),
            "truncate": self._truncate,
        }

    def _openat2(self, process: Process, tid: int, a: Arguments, id_: int) -> int | None:
        how = process.read(a[2], 24)
        flags, mode = int.from_bytes(how[:8], "little"), int.from_bytes(how[8:16], "little")
        if not flags & _CREATING:
            return None
        if how[16:24] != bytes(8):
            path = os.fsdecode(process.read_path(a[1]))
            self._supervisor.unmodelled.add(f"openat2 with `resolve` on {path}")
            return None
        return self._open(process, tid, fd_of(a[0]), a[1], flags, mode, id_)

    def _open(
        self, process: Process, tid: int, dirfd: int, path_at: int, flags: int, mode: int, id_: int
    ) -> int | None:
        """Open a file that the call may create or cut, and hand the descriptor over."""
        flags &= 0xFFFF_FFFF
        path = process.read_path(path_at)
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            return self._open_nameless(process, tid, dirfd, path, flags, mode, id_)
        is_exact = flags & os.O_NOFOLLOW or (flags & os.O_CREAT and flags & os.O_EXCL)
        find = self._folder.place if is_exact else self._folder.place_followed
        place = _found(partial(find, process, tid, dirfd, path))
        if place is None:
            return None
        with place:
            before = place.status()
            if before is not None and not stat.S_ISREG(before.st_mode):
                return None
            return self._open_place(process, tid, place, before, flags, mode, id_)

    def _open_place(
        self,
        process: Process,
        tid: int,
        place: Place,
        before: os.stat_result | None,
        flags: int,
        mode: int,
        id_: int,
    ) -> int | None:
        opened: list[int] = []

        def perform() -> None:
            opened.append(os.open(place.name, flags | os.O_CLOEXEC, 0o600, dir_fd=place.parent_fd))
            if before is None:
                _own_like(process, opened[0], mode)

        supervisor = self._supervisor
        if before is None and flags & os.O_CREAT:
            # The number is the one that the file will get when its descriptor is adopted.
            number = supervisor.next_file_number
            result = supervisor.event(
                EventKind.CREATE, tid, perform, path=place.relative, file=number, flags=flags
            )
        elif before is not None and flags & os.O_TRUNC and before.st_size:
            number = supervisor.file_number(before)
            result = supervisor.event(
                EventKind.TRUNCATE, tid, perform, path=place.relative, file=number, flags=flags
            )
        else:
            return None
        if result < 0:
            return result
        return self._hand_over(process, opened[0], flags, id_, is_new=before is None)

    def _hand_over(self, process: Process, fd: int, flags: int, id_: int, *, is_new: bool) -> int:
        """Put our descriptor into the worker's table, which answers its call."""
        entry = self._supervisor.adopt(fd, is_new=is_new)
        assert entry is not None, "a file below the folder is ours"
        request = bytearray(abi.ADDFD.pack(id_, abi.ADDFD_FLAG_SEND, fd, 0, flags & os.O_CLOEXEC))
        try:
            number = self._supervisor.inject(request)
        except OSError:
            os.close(fd)
            raise
        process.files[number] = entry
        return ANSWERED

    def _open_nameless(
        self, process: Process, tid: int, dirfd: int, path: bytes, flags: int, mode: int, id_: int
    ) -> int | None:
        place = _found(partial(self._folder.place, process, tid, dirfd, path + b"/x"))
        if place is None:
            return None
        with place:
            opened: list[int] = []

            def perform() -> None:
                opened.append(os.open(b".", flags | os.O_CLOEXEC, 0o600, dir_fd=place.parent_fd))
                _own_like(process, opened[0], mode)

            number = self._supervisor.next_file_number
            result = self._supervisor.event(
                EventKind.CREATE, tid, perform, file=number, flags=flags
            )
            if result < 0:
                return result
            return self._hand_over(process, opened[0], flags, id_, is_new=True)

    def _two_places(
        self, process: Process, tid: int, old: tuple[int, int], new: tuple[int, int], name: str
    ) -> tuple[Place, Place] | None:
        """Find both names; None (and named, if just one is outside) where not both are ours."""
        paths = [process.read_path(at) for _, at in (old, new)]
        first = _found(partial(self._folder.place, process, tid, old[0], paths[0]))
        second = _found(partial(self._folder.place, process, tid, new[0], paths[1]))
        if first is not None and second is not None:
            return first, second
        for place, other in ((first, paths[1]), (second, paths[0])):
            if place is not None:
                place.close()
                self._supervisor.unmodelled.add(
                    f"{name} between the folder and {os.fsdecode(other)}"
                )
        return None

    def _rename(
        self, process: Process, tid: int, old: tuple[int, int], new: tuple[int, int], flags: int
    ) -> int | None:
        places = self._two_places(process, tid, old, new, "rename")
        if places is None:
            return None
        with places[0] as source, places[1] as target:
            status = source.status()
            result = self._supervisor.event(
                EventKind.RENAME,
                tid,
                lambda: abi.raw_call(
                    "renameat2", source.parent_fd, source.name, target.parent_fd, target.name, flags
                ),
                path=source.relative,
                path_to=target.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
                flags=flags,
            )
            self._supervisor.refresh_paths()
            return result

    def _link(
        self, process: Process, tid: int, old: tuple[int, int], new: tuple[int, int], flags: int
    ) -> int | None:
        path = process.read_path(old[1])
        is_of_fd = not path and flags & abi.AT_EMPTY_PATH
        if is_of_fd or path.startswith(b"/proc/"):
            return self._link_open_file(process, tid, old[0], path, new)
        places = self._two_places(process, tid, old, new, "link")
        if places is None:
            return None
        with places[0] as source, places[1] as target:
            status = source.status()
            return self._supervisor.event(
                EventKind.LINK,
                tid,
                lambda: abi.raw_call(
                    "linkat", source.parent_fd, source.name, target.parent_fd, target.name,
                    flags & abi.AT_SYMLINK_FOLLOW,
                ),
                path=source.relative,
                path_to=target.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
            )  # fmt: skip

    def _link_open_file(
        self, process: Process, tid: int, fd: int, path: bytes, new: tuple[int, int]
    ) -> int | None:
        """Give an open file a (new) name, as is done with O_TMPFILE."""
        if path:
            tail = path.rpartition(b"/")[2]
            if not tail.isdigit():
                return None
            fd = int(tail)
        file = self._supervisor.open_file(process, fd)
        target = _found(
            partial(self._folder.place, process, tid, new[0], process.read_path(new[1]))
        )
        if target is None:
            return None
        with target:
            if file is None:
                self._supervisor.unmodelled.add(f"link of an outside file to {target.relative}")
                return None
            source = f"/proc/self/fd/{file.fd}".encode()
            result = self._supervisor.event(
                EventKind.LINK,
                tid,
                lambda: abi.raw_call(
                    "linkat", abi.AT_FDCWD, source, target.parent_fd, target.name,
                    abi.AT_SYMLINK_FOLLOW,
                ),
                path_to=target.relative,
                file=file.number,
            )  # fmt: skip
            if result >= 0:
                file.path = target.relative
            return result

    def _symlink(
        self, process: Process, tid: int, text_at: int, dirfd: int, path_at: int
    ) -> int | None:
        text = process.read_path(text_at)
        place = self._place(process, tid, dirfd, path_at)
        if place is None:
            return None
        with place:
            return self._supervisor.event(
                EventKind.SYMLINK,
                tid,
                lambda: os.symlink(text, place.name, dir_fd=place.parent_fd),
                path=place.relative,
                path_to=os.fsdecode(text),
            )

    def _unlink(
        self, process: Process, tid: int, dirfd: int, path_at: int, flags: int
    ) -> int | None:
        place = self._place(process, tid, dirfd, path_at)
        if place is None:
            return None
        with place:
            is_directory = bool(flags & abi.AT_REMOVEDIR)
            remove = os.rmdir if is_directory else os.unlink
            status = place.status()
            return self._supervisor.event(
                EventKind.RMDIR if is_directory else EventKind.UNLINK,
                tid,
                lambda: remove(place.name, dir_fd=place.parent_fd),
                path=place.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
            )

    def _mkdir(self, process: Process, tid: int, dirfd: int, path_at: int, mode: int) -> int | None:
        place = self._place(process, tid, dirfd, path_at)
        if place is None:
            return None

        def perform() -> None:
            os.mkdir(place.name, 0o700, dir_fd=place.parent_fd)
            fd = os.open(place.name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=place.parent_fd)
            try:
                _own_like(process, fd, mode)
            finally:
                os.close(fd)

        with place:
            number = self._supervisor.next_file_number
            result = self._supervisor.event(
                EventKind.MKDIR, tid, perform, path=place.relative, file=number, flags=mode
            )
            status = place.status()
            if result >= 0 and status is not None:
                self._supervisor.file_number(status, is_new=True)
            return result

    def _mknod(self, process: Process, tid: int, dirfd: int, path_at: int, mode: int) -> int | None:
        if stat.S_IFMT(mode) in (0, stat.S_IFREG):
            place = self._place(process, tid, dirfd, path_at)
            if place is not None:
                place.close()
                self._supervisor.unmodelled.add(f"mknod of a file, {place.relative}")
        return None

    def _truncate(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        path = process.read_path(a[0])
        place = _found(partial(self._folder.place_followed, process, tid, abi.AT_FDCWD, path))
        if place is None:
            return None
        with place:
            status = place.status()
            source = f"/proc/self/fd/{place.parent_fd}/".encode() + place.name
            return self._supervisor.event(
                EventKind.TRUNCATE,
                tid,
                lambda: os.truncate(source, signed(a[1])),
                path=place.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
                offset=signed(a[1]),
            )

    def _place(self, process: Process, tid: int, dirfd: int, path_at: int) -> Place | None:
        path = process.read_path(path_at)
        return _found(partial(self._folder.place, process, tid, dirfd, path))


class _FileCalls:
    """Calls on open files: syncs, sizes, attributes, mappings."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def by_name(self) -> dict[str, Handler]:
        attribute_of_fd = ("fchmod", "fchown", "fsetxattr", "fremovexattr")
        attribute_of_path = (
            "chmod", "chown", "lchown", "utime", "utimes", "setxattr", "lsetxattr",
            "removexattr", "lremovexattr",
        )  # fmt: skip
        attribute_at = ("fchmodat", "fchmodat2", "fchownat", "futimesat", "utimensat")
        return {
            "fsync": partial(self._sync_file, EventKind.FSYNC, os.fsync),
            "fdatasync": partial(self._sync_file, EventKind.FDATASYNC, os.fdatasync),
            "sync": self._sync_all,
            "syncfs": self._sync_all,
            "sync_file_range": self._sync_range,
            "msync": self._msync,
            "mmap": self._mmap,
            "ftruncate": self._ftruncate,
            "fallocate": self._fallocate,
            "open_by_handle_at": self._open_by_handle,
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
        return self._supervisor.event(
            kind, tid, lambda: sync(file.fd), path=file.path, file=file.number
        )

    def _sync_all(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        # Nothing is performed: it would sync the whole machine, and a kill loses nothing.
        return self._supervisor.event(EventKind.SYNC_ALL, tid, lambda: None)

    def _sync_range(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        return self._supervisor.event(
            EventKind.SYNC_RANGE, tid, lambda: None, path=file.path, file=file.number,
            offset=signed(a[1]), length=signed(a[2]), flags=a[3],
        )  # fmt: skip

    def _msync(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        # Only mappings of the folder's files matter, and those are named when they are made.
        return None

    def _mmap(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        if a[3] & _MAP_ANONYMOUS:
            return None
        file = self._supervisor.open_file(process, fd_of(a[4]))
        if file is None or fcntl.fcntl(file.fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            return None
        self._supervisor.unmodelled.add(f"mmap (shared, writable) of {file.path}")
        self._supervisor.event(
            EventKind.MAP, tid, lambda: None, path=file.path, file=file.number,
            offset=a[5], length=a[1], flags=a[2],
        )  # fmt: skip
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
        place = _found(partial(self._supervisor.folder.place, process, tid, dirfd, path))
        if place is not None:
            with place:
                self._attribute(tid, place.relative, -1)
        return None

    def _attribute(self, tid: int, path: str, file: int) -> None:
        # The worker makes the call itself: attributes are not part of an image's content.
        self._supervisor.event(EventKind.ATTRIBUTE, tid, lambda: None, path=path, file=file)


class _ProcessCalls:
    """Calls that change what the harness has cached of a process."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def by_name(self) -> dict[str, Handler]:
        return {
            "close": self._close,
            "dup2": self._replace,
            "dup3": self._replace,
            "close_range": self._close_range,
            "umask": self._umask,
            **dict.fromkeys(("clone", "clone3", "fork", "vfork"), self._clone),
            **dict.fromkeys(("execve", "execveat"), self._execute),
            **{name: partial(self._unmodelled, name) for name in ("chroot", "pivot_root", "mount")},
        }

    def _close(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        process.forget_file(fd_of(a[0]))
        return None

    def _replace(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        process.forget_file(fd_of(a[1]))
        return None

    def _close_range(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        process.forget_files()
        return None

    def _umask(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        process.umask = a[0] & 0o777
        return None

    def _clone(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        self._supervisor.children += 1
        self._supervisor.forget_other_processes(process)
        return None

    def _execute(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        self._supervisor.forget_process(process)
        return None

    def _unmodelled(
        self, name: str, process: Process, tid: int, a: Arguments, _: int
    ) -> int | None:
        self._supervisor.unmodelled.add(name)
        return None


def _found(find: Callable[[], Place | None]) -> Place | None:
    """Return the place, or None where the path leads nowhere: the worker will see that itself."""
    try:
        return find()
    except OSError:
        return None


def _own_like(process: Process, fd: int, mode: int) -> None:
    """Give a file that we made the mode and owner that it would have from the worker."""
    if process.umask is None:
        process.umask = int(process.status().get("Umask", "022"), 8)
    os.fchmod(fd, mode & 0o7777 & ~process.umask)
    owner = os.stat(f"/proc/{process.pid}")
    if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(fd, owner.st_uid, owner.st_gid)
