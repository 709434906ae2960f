"""Calls that read, which are seen only in a boot in which one is to fail or to be short.

Whatever is not struck the kernel does itself. A short one is made by the harness on the same open
file description; a read into several buffers can fail, and is never short.

Source: `read(2)`, `pread(2)`, `readv(2)`.
"""

import os

from walcrash.recorder.filter import READS
from walcrash.recorder.processes import Process
from walcrash.recorder.status import status_of
from walcrash.recorder.struck import record_struck, struck
from walcrash.recorder.supervisor import Handler, Supervisor
from walcrash.recorder.words import fd_of, signed
from walcrash.values.event import EventKind

Arguments = tuple[int, ...]


def reading_handlers(supervisor: Supervisor) -> dict[str, Handler]:
    """Return the handlers of this module by the calls' names."""
    calls = _ReadingCalls(supervisor)
    return {
        **dict.fromkeys(READS, calls.read_vectors),
        "read": lambda p, t, a, _: calls.read(p, t, a, None),
        "pread64": lambda p, t, a, _: calls.read(p, t, a, signed(a[3])),
    }


class _ReadingCalls:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def read(self, process: Process, tid: int, a: Arguments, offset: int | None) -> int | None:
        supervisor, length = self._supervisor, a[2]
        file = supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        start = os.lseek(file.fd, 0, os.SEEK_CUR) if offset is None else offset
        there = min(length, max(0, status_of(file.fd).st_size - start))
        instead = struck(supervisor, EventKind.READ, tid, file, length=there)
        if instead is None:
            return None
        if instead.errno or instead.most_bytes is None:
            return -instead.errno
        most = min(there, instead.most_bytes)
        data = os.read(file.fd, most) if offset is None else os.pread(file.fd, most, offset)
        process.write(a[1], data)
        record_struck(supervisor, EventKind.READ, tid, file, length=there, result=len(data))
        return len(data)

    def read_vectors(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        instead = struck(self._supervisor, EventKind.READ, tid, file)
        return -instead.errno if instead is not None and instead.errno else None
