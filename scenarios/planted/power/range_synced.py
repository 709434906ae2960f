"""Lost put: `sync_file_range` is taken for a sync.

It writes the pages of a range, waits for them, and costs a tenth of an fsync. It does so because
it leaves out the size of the file, the blocks that were allotted to it, and the flush of the
device's cache: the manual page says that it is no guarantee after a crash.

Repair: fdatasync.
"""

import ctypes
import os

from power_base import DurableLog, write_all

from walcrash import Record

WAIT_BEFORE, WRITE, WAIT_AFTER = 1, 2, 4

LIBC = ctypes.CDLL(None, use_errno=True)


class Subject(DurableLog):
    """Pushes the pages of a record out, and calls that durable."""

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        flags = ctypes.c_uint(WAIT_BEFORE | WRITE | WAIT_AFTER)
        everything = ctypes.c_int64(0)
        if LIBC.sync_file_range(self.log, everything, everything, flags):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
