"""Lost put: a write that a signal interrupted is taken for one that was made.

The C library's `write` returned -1 with EINTR. Python's own `os.write` tries again by itself; this
subject calls the library, as a log in C does, and forgets to.

Repair: make the call again.
"""

import ctypes
import errno
import os

from error_base import CarefulLog

libc = ctypes.CDLL(None, use_errno=True)


class Subject(CarefulLog):
    """Drops what was interrupted."""

    def write_frame(self, frame: bytes) -> None:
        while frame:
            count = libc.write(self.log, frame, len(frame))
            number = ctypes.get_errno()
            if count < 0 and number != errno.EINTR:
                raise OSError(number, os.strerror(number))
            if count < 0:
                return
            frame = frame[count:]
