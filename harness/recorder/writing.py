"""Plain writes as the harness makes them for a worker: how much was written, and where.

Source: `write(2)`, `pwrite(2)` (its BUGS section), `pwritev2(2)`.
"""

import errno
import fcntl
import os


def write_out(fd: int, data: bytes, offset: int | None, flags: int) -> tuple[int, int]:
    """Write; return the count or negative errno, and the offset at which it began."""
    try:
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


def start_of_write(fd: int, offset: int | None, flags: int) -> int:
    """Return where a write begins; Linux appends even with an offset where asked to append."""
    if flags & os.RWF_APPEND or fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND:
        return os.fstat(fd).st_size
    return os.lseek(fd, 0, os.SEEK_CUR) if offset is None else offset
