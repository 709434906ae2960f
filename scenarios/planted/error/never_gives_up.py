"""A hang: on a full disk a write is tried again, without a pause and without an end.

Repair: refuse after a few tries.
"""

import errno
import os

from error_base import CarefulLog


class Subject(CarefulLog):
    """Waits for space."""

    def write_frame(self, frame: bytes) -> None:
        while frame:
            try:
                frame = frame[os.write(self.log, frame) :]
            except OSError as problem:
                if problem.errno != errno.ENOSPC:
                    raise
