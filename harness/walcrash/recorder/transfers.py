"""Calls that write in other ways: from several buffers, or from another file.

Each becomes one plain write of the same bytes, recorded as such.

Source: `writev(2)`, `sendfile(2)`, `copy_file_range(2)`, `splice(2)`.
"""

import contextlib
import errno
import fcntl
import os
import select
import struct
from typing import Final

from walcrash.recorder.processes import OpenFile, Process
from walcrash.recorder.supervisor import MAX_TRANSFER_BYTES, Handler, Supervisor
from walcrash.recorder.words import fd_of, signed

_VECTOR: Final = struct.Struct("<QQ")
_VECTORS: Final = 1024
"""Most buffers in one call (IOV_MAX)."""

Arguments = tuple[int, ...]


def transfer_handlers(supervisor: Supervisor) -> dict[str, Handler]:
    """Return the handlers of this module by the calls' names."""
    transfers = _Transfers(supervisor)
    return {
        "writev": lambda p, t, a, _: transfers.write_vectors(p, t, a, None, 0),
        "pwritev": lambda p, t, a, _: transfers.write_vectors(p, t, a, signed(a[3]), 0),
        "pwritev2": lambda p, t, a, _: transfers.write_vectors(
            p, t, a, None if signed(a[3]) == -1 else signed(a[3]), a[5]
        ),
        "sendfile": lambda p, t, a, _: transfers.copy(
            p, t, (a[1], a[2]), (a[0], 0), a[3], if_appending=errno.EINVAL, may_overlap=True
        ),
        "copy_file_range": lambda p, t, a, _: transfers.copy(
            p,
            t,
            (a[0], a[1]),
            (a[2], a[3]),
            a[4],
            if_appending=errno.EBADF,
            may_overlap=False,
            flags=a[5],
        ),
        "splice": transfers.splice,
    }


class _Transfers:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def write_vectors(
        self, process: Process, tid: int, a: Arguments, offset: int | None, flags: int
    ) -> int | None:
        file = self._supervisor.open_file(process, fd_of(a[0]))
        if file is None:
            return None
        count = a[2]
        if count > _VECTORS:
            return -errno.EINVAL
        vectors = _VECTOR.iter_unpack(process.read(a[1], count * _VECTOR.size) if count else b"")
        data = b"".join(process.read(at, length) for at, length in vectors if length)
        return self._write(tid, file, data[:MAX_TRANSFER_BYTES], offset, flags)

    def copy(
        self,
        process: Process,
        tid: int,
        source: tuple[int, int],
        target: tuple[int, int],
        length: int,
        *,
        if_appending: int,
        may_overlap: bool,
        flags: int = 0,
    ) -> int | None:
        """Copy between two descriptors, each with a pointer to an offset or 0 for its own.

        A target that was opened to append is refused, each call with an error of its own. Only
        `sendfile` copies a range over a part of itself.
        """
        file = self._supervisor.open_file(process, fd_of(target[0]))
        if file is None or flags:
            return None
        flags_of_target = fcntl.fcntl(file.fd, fcntl.F_GETFL)
        # The kernel asks this first, also where there is nothing to copy.
        if flags_of_target & os.O_ACCMODE == os.O_RDONLY:
            return -errno.EBADF
        if flags_of_target & os.O_APPEND:
            return -if_appending
        read_from = process.duplicate(fd_of(source[0]))
        try:
            start = _read_offset(process, source[1])
            if start is None:
                start = os.lseek(read_from, 0, os.SEEK_CUR)
            data = os.pread(read_from, min(length, MAX_TRANSFER_BYTES), start)
            offset = _read_offset(process, target[1])
            if not may_overlap and _overlap(read_from, start, file.fd, offset, len(data)):
                return -errno.EINVAL
            # At the end of the source nothing is written.
            count = self._write(tid, file, data, offset, 0) if data else 0
            if count > 0:
                _advance(process, source[1], read_from, start + count)
                if offset is not None:
                    _advance(process, target[1], file.fd, offset + count)
            return count
        finally:
            os.close(read_from)

    def splice(self, process: Process, tid: int, a: Arguments, _: int) -> int | None:
        """Move what a pipe holds into a file.

        An empty pipe is left to the kernel, and named: whoever fills it may be waiting for us.
        """
        file = self._supervisor.open_file(process, fd_of(a[2]))
        if file is None:
            return None
        read_from = process.duplicate(fd_of(a[0]))
        try:
            poll = select.poll()
            poll.register(read_from, select.POLLIN)
            if not any(what & select.POLLIN for _, what in poll.poll(0)):
                self._supervisor.unmodelled.add(f"splice from an empty pipe into {file.path}")
                return None
            data = os.read(read_from, min(a[4], MAX_TRANSFER_BYTES))
            offset = _read_offset(process, a[3])
            holding = self._supervisor.holding
            with contextlib.nullcontext() if holding is None else holding.none_held():
                count = self._write(tid, file, data, offset, 0)
            if count > 0 and offset is not None:
                _advance(process, a[3], file.fd, offset + count)
            return count
        finally:
            os.close(read_from)

    def _write(self, tid: int, file: OpenFile, data: bytes, offset: int | None, flags: int) -> int:
        thread = self._supervisor.thread_number(tid)
        return self._supervisor.write_event(file, data, offset, thread, flags)


def _overlap(source: int, start: int, target: int, offset: int | None, length: int) -> bool:
    """Whether a range that is there to be copied and its target share bytes of one file."""
    if not os.path.sameopenfile(source, target):
        return False
    if offset is None:
        offset = os.lseek(target, 0, os.SEEK_CUR)
    return start - length < offset < start + length


def _read_offset(process: Process, address: int) -> int | None:
    if not address:
        return None
    return int.from_bytes(process.read(address, 8), "little", signed=True)


def _advance(process: Process, address: int, fd: int, offset: int) -> None:
    if address:
        process.write(address, offset.to_bytes(8, "little", signed=True))
    else:
        os.lseek(fd, offset, os.SEEK_SET)
