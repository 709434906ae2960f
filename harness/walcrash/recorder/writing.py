"""Plain writes as the harness makes them for a worker: how much was written, and where.

A descriptor with O_DIRECT takes its data from aligned memory, as the worker's own has been.

Source: `write(2)`, `pwrite(2)` (its BUGS section), `pwritev2(2)`, `open(2)` on O_DIRECT.
"""

import errno
import fcntl
import mmap
import os

from walcrash.recorder.status import status_of
from walcrash.values.faults import Instead
from walcrash.values.moments import SECTOR_BYTES


def write_out(fd: int, data: bytes, offset: int | None, flags: int) -> tuple[int, int]:
    """Write; return the count or negative errno, and the offset at which it began."""
    try:
        if data and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
            return _write_aligned(fd, data, offset, flags)
        if offset is None and not flags:
            count = os.write(fd, data)
            return count, os.lseek(fd, 0, os.SEEK_CUR) - count
        start = start_of_write(fd, offset, flags)
        if not flags:
            assert offset is not None
            return os.pwrite(fd, data, offset), start
        return os.pwritev(fd, [data], -1 if offset is None else offset, flags), start
    except OSError as problem:
        return -(problem.errno or errno.EIO), start_of_write(fd, offset, flags)


def _write_aligned(fd: int, data: bytes, offset: int | None, flags: int) -> tuple[int, int]:
    start = start_of_write(fd, offset, flags)
    with mmap.mmap(-1, len(data)) as aligned:
        aligned[:] = data
        if offset is None and not flags:
            return os.writev(fd, [aligned]), start
        return os.pwritev(fd, [aligned], -1 if offset is None else offset, flags), start


def write_instead(
    instead: Instead, fd: int, data: bytes, offset: int | None, flags: int
) -> tuple[int, int]:
    """Fail a write, or perform its first bytes; return the call's result and where it began."""
    if instead.errno:
        return -instead.errno, start_of_write(fd, offset, flags)
    most = len(data) if instead.most_bytes is None else min(instead.most_bytes, len(data))
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
        most -= most % SECTOR_BYTES
    return write_out(fd, data[:most], offset, flags)


def write_part(fd: int, data: bytes, offset: int | None, flags: int) -> int:
    """Write the first bytes of a worker's last write; return how many were written.

    They need not fill blocks, so O_DIRECT is taken off: the worker will not write again.
    """
    mode = fcntl.fcntl(fd, fcntl.F_GETFL)
    if mode & os.O_DIRECT:
        fcntl.fcntl(fd, fcntl.F_SETFL, mode & ~os.O_DIRECT)
    return max(0, write_out(fd, data, offset, flags)[0])


def start_of_write(fd: int, offset: int | None, flags: int) -> int:
    """Return where a write begins; Linux appends even with an offset where asked to append."""
    if flags & os.RWF_APPEND or fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND:
        return status_of(fd).st_size
    return os.lseek(fd, 0, os.SEEK_CUR) if offset is None else offset
