"""Calls that change nothing, in whose place something is injected: an open, a read, a close.

They are events only where they are struck; else the kernel makes them, and nothing is recorded.

Source: `close(2)`, "Dealing with error returns from close()": Linux has closed the file by then.
"""

import os

from walcrash.recorder.processes import OpenFile
from walcrash.recorder.status import FileStatus
from walcrash.recorder.supervisor import Supervisor
from walcrash.values.event import INJECTED, EventKind
from walcrash.values.faults import Instead


def struck(
    supervisor: Supervisor, kind: EventKind, tid: int, file: OpenFile, *, length: int = 0
) -> Instead | None:
    """Return what is injected in place of a call, and record it if that is an error.

    Where it is cut short, whoever performs it records it.
    """
    if supervisor.injector is None:
        return None
    instead = supervisor.injector.event(kind, supervisor.call, file.path, "", 0, length)
    if instead is not None and instead.errno:
        record_struck(supervisor, kind, tid, file, length=length, result=-instead.errno)
    return instead


def record_struck(
    supervisor: Supervisor,
    kind: EventKind,
    tid: int,
    file: OpenFile,
    *,
    length: int,
    result: int,
) -> None:
    """Record a call in whose place something was injected."""
    supervisor.record(
        (
            kind, supervisor.call, file.path, "", file.number, 0, length, b"", INJECTED, False,
            result, supervisor.thread_number(tid), -1,
        )
    )  # fmt: skip


def open_struck(supervisor: Supervisor, tid: int, path: str, status: FileStatus) -> int | None:
    """Return the error of an open of a file that is there; None where the kernel makes it."""
    file = OpenFile(fd=-1, number=supervisor.file_number(status), path=path, is_synchronous=False)
    instead = struck(supervisor, EventKind.OPEN, tid, file)
    return -instead.errno if instead is not None and instead.errno else None


def close_struck(supervisor: Supervisor, tid: int, fd: int, file: OpenFile, id_: int) -> int | None:
    """Close a worker's file and return the error of that; None where the kernel closes it."""
    instead = struck(supervisor, EventKind.CLOSE, tid, file)
    if instead is None or not instead.errno:
        return None
    # Something empty takes its place: the file is closed whatever `close` returns.
    with open(os.devnull, "rb", buffering=0) as nothing:
        supervisor.inject(nothing.fileno(), 0, id_, at=fd)
    return -instead.errno
