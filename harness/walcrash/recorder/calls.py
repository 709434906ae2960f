"""Calls other than plain writes, by number: who handles which.

A handler gets (process, thread id, arguments, notification id) and returns the call's result,
a negative errno, or None: the kernel then lets the worker make the call itself. That is the
answer for everything outside the directory. Calls that change the directory in a way that is not
followed are let through and named in `Supervisor.unmodelled`.
"""

from functools import partial
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.directory_calls import directory_handlers
from walcrash.recorder.file_calls import file_handlers
from walcrash.recorder.odd_boot import odd_handlers
from walcrash.recorder.processes import Process
from walcrash.recorder.reading_calls import reading_handlers
from walcrash.recorder.releases import is_open, open_fds, released
from walcrash.recorder.struck import close_struck
from walcrash.recorder.supervisor import Handler, Supervisor
from walcrash.recorder.transfers import transfer_handlers
from walcrash.recorder.words import fd_of
from walcrash.values.event import EventKind

_CLOSE_RANGE_CLOEXEC: Final = 4

Arguments = tuple[int, ...]


def handlers(supervisor: Supervisor) -> dict[int, Handler]:
    """Return a handler for every call that the filter hands over, by call number."""
    table = abi.architecture()
    assert table is not None
    by_name: dict[str, Handler] = {
        **directory_handlers(supervisor),
        **file_handlers(supervisor),
        **_ProcessCalls(supervisor).by_name(),
        **transfer_handlers(supervisor),
        **reading_handlers(supervisor),
    }
    return {
        table.numbers[name]: handler for name, handler in by_name.items() if name in table.numbers
    } | odd_handlers(supervisor, supervisor.around, by_name)


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
            "exit_group": self._exit,
            "umask": self._umask,
            **dict.fromkeys(("clone", "clone3", "fork", "vfork"), self._clone),
            **dict.fromkeys(("execve", "execveat"), self._execute),
            **{name: partial(self._unmodelled, name) for name in ("chroot", "pivot_root", "mount")},
        }

    def _close(self, process: Process, tid: int, a: Arguments, id_: int) -> int | None:
        fd, supervisor = fd_of(a[0]), self._supervisor
        if supervisor.truncated_files:
            self._note_closed(process, tid, {fd})
        result = None
        if supervisor.injector and (file := supervisor.open_file(process, fd)):
            result = close_struck(supervisor, tid, fd, file, id_)
        process.forget_file(fd)
        return result

    def _replace(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        source, target = fd_of(a[0]), fd_of(a[1])
        if self._supervisor.truncated_files and source != target and is_open(process.pid, source):
            self._note_closed(process, tid, {target})
        process.forget_file(target)
        return None

    def _close_range(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        first, last, flags = (register & 0xFFFF_FFFF for register in a[:3])
        if self._supervisor.truncated_files and not flags & _CLOSE_RANGE_CLOEXEC:
            fds = {fd for fd in open_fds(process.pid) if first <= fd <= last}
            self._note_closed(process, tid, fds)
        process.forget_files()
        return None

    def _exit(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        if self._supervisor.truncated_files:
            self._note_closed(process, tid, set(open_fds(process.pid)))
        return None

    def _note_closed(self, process: Process, tid: int, closing: set[int]) -> None:
        """Record that files that were truncated to nothing are about to be closed."""
        supervisor = self._supervisor
        for number, fd in released(
            process.pid, closing, supervisor.truncated_files, supervisor.family
        ):
            file = supervisor.open_file(process, fd)
            if file is not None:
                supervisor.event(
                    EventKind.CLOSE, tid, lambda: None, path=file.path, file=file.number
                )
                del supervisor.truncated_files[number]

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
