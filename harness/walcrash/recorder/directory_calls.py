"""Calls that take paths: create, rename, link, unlink, directories.

A socket, a pipe or a device holds no data. Its name is in no image, so no call that makes it
(`bind`, `mknod`), renames it or takes it away is an event.

Source: the manual page of each call, section 2.
"""

import contextlib
import os
import re
import stat
import struct
from collections.abc import Callable
from functools import partial
from typing import Final

from walcrash.recorder import abi, processes
from walcrash.recorder.paths import Place, found
from walcrash.recorder.processes import Process
from walcrash.recorder.status import FileStatus, status_of, status_of_name
from walcrash.recorder.struck import open_struck
from walcrash.recorder.supervisor import Handler, Killed, Supervisor
from walcrash.recorder.words import fd_of, signed
from walcrash.values.event import EventKind

_OPEN_FILE: Final = re.compile(rb"/(?:proc/(?:thread-)?self|dev)/fd/(\d+)")
_HOW: Final = struct.Struct("<QQQ")
"""`struct open_how`: flags, mode, resolve; a later kernel's may be longer."""

_HOW_BYTES: Final = 4096
_CREATING: Final = os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)

Arguments = tuple[int, ...]


def directory_handlers(supervisor: Supervisor) -> dict[str, Handler]:
    """Return the handlers of this module by the calls' names."""
    return _DirectoryCalls(supervisor).by_name()


class _DirectoryCalls:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._directory = supervisor.directory

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
        if a[3] < _HOW.size:
            return None
        how = process.read(a[2], min(a[3], _HOW_BYTES))
        flags, mode, resolve = _HOW.unpack_from(how)
        # What is not defined is refused by the kernel.
        is_defined = flags < 1 << 32 and mode < 1 << 12 and not any(how[_HOW.size :])
        if not (is_defined and flags & _CREATING):
            return None
        if resolve:
            path = os.fsdecode(process.read_path(a[1]))
            self._supervisor.unmodelled.add(f"openat2 with `resolve` on {path}")
            return None
        return self._open(process, tid, fd_of(a[0]), a[1], flags, mode, id_)

    def _open(
        self, process: Process, tid: int, dirfd: int, path_at: int, flags: int, mode: int, id_: int
    ) -> int | None:
        """Open a file that the call may create or truncate, and hand the descriptor over."""
        flags &= 0xFFFF_FFFF
        path = process.read_path(path_at)
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            return self._open_nameless(process, tid, dirfd, path, flags, mode, id_)
        is_exact = flags & os.O_NOFOLLOW or (flags & os.O_CREAT and flags & os.O_EXCL)
        find = self._directory.place if is_exact else self._directory.place_followed
        place = found(partial(find, process, tid, dirfd, path))
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
        before: FileStatus | None,
        flags: int,
        mode: int,
        id_: int,
    ) -> int | None:
        supervisor = self._supervisor
        is_new = before is None and bool(flags & os.O_CREAT)
        if is_new:
            kind, number = EventKind.CREATE, supervisor.next_file_number
        elif before is not None and flags & os.O_TRUNC and before.st_size:
            kind, number = EventKind.TRUNCATE, supervisor.file_number(before)
        else:
            return None if before is None else open_struck(supervisor, tid, place.relative, before)

        def open_file(mode: int) -> int:
            name = place.exact_name
            return os.open(name, flags | os.O_CLOEXEC, mode, dir_fd=place.parent_fd)

        return self._open_and_hand_over(
            process, tid, kind, open_file, place.relative, number, flags,
            mode if is_new else None, id_,
        )  # fmt: skip

    def _open_and_hand_over(
        self,
        process: Process,
        tid: int,
        kind: EventKind,
        open_file: Callable[[int], int],
        path: str,
        number: int,
        flags: int,
        mode: int | None,
        id_: int,
    ) -> int:
        """Open a file as one event; `mode` is that of a new file, None for one that was there."""
        opened: list[int] = []

        def perform() -> None:
            opened.append(open_file(0 if mode is None else _first_mode(given)))
            if mode is not None:
                _own_like(process, opened[0], given)

        given = -1 if mode is None else _given_mode(process, mode & 0o7777)
        try:
            result = self._supervisor.event(
                kind, tid, perform, path=path, file=number, flags=flags, mode=given
            )
        except Killed:
            _close_all(opened)
            raise
        if result < 0:
            _close_all(opened)
            return result
        return self._hand_over(process, opened[0], flags, id_, is_new=mode is not None)

    def _hand_over(self, process: Process, fd: int, flags: int, id_: int, *, is_new: bool) -> int:
        """Put our descriptor into the worker's table; return its number there."""
        entry = self._supervisor.adopt(fd, is_new=is_new)
        assert entry is not None, "a file below the directory is ours"
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            self._supervisor.name_file(entry, "")
        try:
            number = self._supervisor.inject(fd, flags & os.O_CLOEXEC, id_)
        except OSError:
            os.close(fd)
            raise
        process.files[number] = entry
        return number

    def _open_nameless(
        self, process: Process, tid: int, dirfd: int, path: bytes, flags: int, mode: int, id_: int
    ) -> int | None:
        place = found(partial(self._directory.place, process, tid, dirfd, path + b"/x"))
        if place is None:
            return None
        with place:

            def open_file(mode: int) -> int:
                return os.open(b".", flags | os.O_CLOEXEC, mode, dir_fd=place.parent_fd)

            number = self._supervisor.next_file_number
            return self._open_and_hand_over(
                process, tid, EventKind.CREATE, open_file, "", number, flags, mode, id_
            )

    def _two_places(
        self,
        process: Process,
        tid: int,
        old: tuple[int, int],
        new: tuple[int, int],
        name: str,
        *,
        is_followed: bool = False,
    ) -> tuple[Place, Place] | None:
        """Find both names; None (and named, if just one is outside) where not both are ours."""
        paths = [process.read_path(at) for _, at in (old, new)]
        places: list[Place | None] = []
        leads_nowhere = any(os.path.basename(path) in (b".", b"..") for path in paths)
        find_old = self._directory.place_followed if is_followed else self._directory.place
        finds = (find_old, self._directory.place)
        for find, (dirfd, _), path in zip(finds, (old, new), paths, strict=True):
            try:
                places.append(find(process, tid, dirfd, path))
            except OSError:
                leads_nowhere = True
        if not leads_nowhere and places[0] is not None and places[1] is not None:
            return places[0], places[1]
        if not leads_nowhere:
            self._note_if_itself(process, tid, old[0], paths[0], name)
        for place, (dirfd, _), path in zip(places, (new, old), reversed(paths), strict=False):
            if place is None:
                continue
            place.close()
            # Between two file systems the kernel refuses.
            if not leads_nowhere and self._directory.is_beside(process, tid, dirfd, path):
                self._supervisor.unmodelled.add(
                    f"{name} between the directory and {os.fsdecode(path)}"
                )
        return None

    def _note_if_itself(
        self, process: Process, tid: int, dirfd: int, path: bytes, name: str
    ) -> None:
        if self._directory.is_itself(process, tid, dirfd, path):
            self._supervisor.unmodelled.add(f"{name} of the subject's directory itself")

    def _rename(
        self, process: Process, tid: int, old: tuple[int, int], new: tuple[int, int], flags: int
    ) -> int | None:
        places = self._two_places(process, tid, old, new, "rename")
        if places is None:
            return None
        with places[0] as source, places[1] as target:
            status, replaced = source.status(), target.status()
            is_exchange = bool(flags & abi.RENAME_EXCHANGE)
            if _is_dataless(status) or (is_exchange and _is_dataless(replaced)):
                if replaced is not None:
                    self._supervisor.unmodelled.add(
                        f"rename of a socket, pipe or device to a name that is taken: "
                        f"{source.relative} to {target.relative}"
                    )
                return None
            result = self._supervisor.event(
                EventKind.RENAME,
                tid,
                lambda: abi.raw_call(
                    "renameat2", source.parent_fd, source.exact_name,
                    target.parent_fd, target.exact_name, flags,
                ),
                path=source.relative,
                path_to=target.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
                flags=flags,
            )  # fmt: skip
            self._supervisor.refresh_paths()
            return result

    def _link(
        self, process: Process, tid: int, old: tuple[int, int], new: tuple[int, int], flags: int
    ) -> int | None:
        if flags & ~(abi.AT_SYMLINK_FOLLOW | abi.AT_EMPTY_PATH):
            return None
        path = process.read_path(old[1])
        if not path and flags & abi.AT_EMPTY_PATH:
            return self._link_open_file(process, tid, old[0], new)
        is_of_fd = _OPEN_FILE.fullmatch(path)
        if is_of_fd and flags & abi.AT_SYMLINK_FOLLOW:
            return self._link_open_file(process, tid, int(is_of_fd[1]), new)
        is_followed = bool(flags & abi.AT_SYMLINK_FOLLOW)
        places = self._two_places(process, tid, old, new, "link", is_followed=is_followed)
        if places is None:
            return None
        with places[0] as source, places[1] as target:
            status = source.status()
            if _is_dataless(status):
                return None
            return self._supervisor.event(
                EventKind.LINK,
                tid,
                lambda: abi.raw_call(
                    "linkat", source.parent_fd, source.exact_name,
                    target.parent_fd, target.exact_name, flags,
                ),
                path=source.relative,
                path_to=target.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
            )  # fmt: skip

    def _link_open_file(
        self, process: Process, tid: int, fd: int, new: tuple[int, int]
    ) -> int | None:
        """Give an open file a (new) name, as is done with O_TMPFILE; the event has its old one."""
        file = self._supervisor.open_file(process, fd)
        target = found(
            partial(self._directory.place, process, tid, new[0], process.read_path(new[1]))
        )
        if target is None:
            return None
        with target:
            if file is None:
                with contextlib.suppress(OSError):
                    os.close(process.duplicate(fd))
                    self._supervisor.unmodelled.add(f"link of an outside file to {target.relative}")
                return None
            source = f"/proc/self/fd/{file.fd}".encode()
            result = self._supervisor.event(
                EventKind.LINK,
                tid,
                lambda: abi.raw_call(
                    "linkat", abi.AT_FDCWD, source, target.parent_fd, target.exact_name,
                    abi.AT_SYMLINK_FOLLOW,
                ),
                path=file.path,
                path_to=target.relative,
                file=file.number,
            )  # fmt: skip
            if result >= 0 and not file.path:
                self._supervisor.name_file(file, target.relative)
            return result

    def _symlink(
        self, process: Process, tid: int, text_at: int, dirfd: int, path_at: int
    ) -> int | None:
        text = process.read_path(text_at)
        place = self._place(process, tid, dirfd, path_at)
        if place is None:
            return None

        def perform() -> None:
            os.symlink(text, place.exact_name, dir_fd=place.parent_fd)
            made = status_of_name(place.exact_name, place.parent_fd)
            self._supervisor.forget_number(made)

        with place:
            return self._supervisor.event(
                EventKind.SYMLINK,
                tid,
                perform,
                path=place.relative,
                path_to=os.fsdecode(text),
            )

    def _unlink(
        self, process: Process, tid: int, dirfd: int, path_at: int, flags: int
    ) -> int | None:
        if flags & ~abi.AT_REMOVEDIR:
            return None
        place = self._place(process, tid, dirfd, path_at)
        if place is None:
            path = process.read_path(path_at)
            is_refused = os.path.basename(path) in (b".", b"..") or not flags
            if not is_refused and not os.listdir(self._directory.path):
                self._note_if_itself(process, tid, dirfd, path, "removal")
            return None
        with place:
            is_directory = bool(flags & abi.AT_REMOVEDIR)
            remove = os.rmdir if is_directory else os.unlink
            status = place.status()
            if _is_dataless(status):
                return None
            return self._supervisor.event(
                EventKind.RMDIR if is_directory else EventKind.UNLINK,
                tid,
                lambda: remove(place.exact_name, dir_fd=place.parent_fd),
                path=place.relative,
                file=-1 if status is None else self._supervisor.file_number(status),
            )

    def _mkdir(self, process: Process, tid: int, dirfd: int, path_at: int, mode: int) -> int | None:
        place = self._place(process, tid, dirfd, path_at)
        if place is None:
            return None
        with place:
            given = _given_mode(process, mode & 0o1777)
            first = _first_mode(given)
            make = partial(os.mkdir, place.exact_name, first, dir_fd=place.parent_fd)
            return self._make(process, tid, place, EventKind.MKDIR, make, given, flags=mode)

    def _mknod(self, process: Process, tid: int, dirfd: int, path_at: int, mode: int) -> int | None:
        """Make an empty file; sockets, pipes and devices hold no data."""
        place = None
        if stat.S_IFMT(mode) in (0, stat.S_IFREG):
            place = self._place(process, tid, dirfd, path_at)
        if place is None:
            return None
        with place:
            given = _given_mode(process, mode & 0o7777)
            first = _first_mode(given)
            make = partial(os.mknod, place.exact_name, first, dir_fd=place.parent_fd)
            return self._make(process, tid, place, EventKind.CREATE, make, given)

    def _make(
        self,
        process: Process,
        tid: int,
        place: Place,
        kind: EventKind,
        make: Callable[[], object],
        given: int,
        *,
        flags: int = 0,
    ) -> int:
        """Make a directory or a file as one event, with the mode `given` and the worker's owner."""

        def perform() -> None:
            make()
            fd = os.open(place.name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=place.parent_fd)
            try:
                _own_like(process, fd, given)
            finally:
                os.close(fd)

        number = self._supervisor.next_file_number
        result = self._supervisor.event(
            kind, tid, perform, path=place.relative, file=number, flags=flags, mode=given
        )
        status = place.status()
        if result >= 0 and status is not None:
            self._supervisor.file_number(status, is_new=True)
        return result

    def _truncate(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        path = process.read_path(a[0])
        place = found(partial(self._directory.place_followed, process, tid, abi.AT_FDCWD, path))
        if place is None:
            return None
        with place:
            status = place.status()
            source = f"/proc/self/fd/{place.parent_fd}/".encode() + place.exact_name
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
        return found(partial(self._directory.place, process, tid, dirfd, path))


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


def _own_like(process: Process, fd: int, mode: int) -> None:
    """Give a file that we made the mode and owner that it would have from the worker."""
    if stat.S_IMODE(status_of(fd).st_mode) != mode:
        os.fchmod(fd, mode)
    owner = os.stat(f"/proc/{process.pid}")
    if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(fd, owner.st_uid, owner.st_gid)


def _first_mode(given: int) -> int:
    """Return the mode to make a file or directory with: the one that it is to have, if we can.

    A power loss on a real file system would show a mode that it has for a moment only. Only the
    right to read it, which it is opened with here, is there for that moment.
    """
    return given | stat.S_IRUSR


def _is_dataless(status: FileStatus | None) -> bool:
    """Whether this is a socket, a pipe or a device, whose names are in no trace and no image."""
    kinds = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    return status is not None and stat.S_IFMT(status.st_mode) not in kinds


def _given_mode(process: Process, mode: int) -> int:
    """Return the mode of a new file for which a process asks."""
    if process.umask is None:
        process.umask = int(processes.status_value(process.pid, "Umask") or "022", 8)
    return mode & ~process.umask
