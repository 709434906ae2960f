"""Right, though it seems wrong: it makes failed and short writes again, a few times.

Resembles: `never_gives_up` and `interrupted_write`. A write may be made again, since it says what
it has done; a sync may not.
"""

import errno
import os

from error_base import CarefulLog

TRIES = 5
PASSING = (errno.EINTR, errno.ENOSPC, errno.EIO)


class Subject(CarefulLog):
    """Tries again."""

    def write_frame(self, frame: bytes) -> None:
        tries = TRIES
        while frame:
            try:
                frame = frame[os.write(self.log, frame) :]
            except OSError as problem:
                tries -= 1
                if not tries or problem.errno not in PASSING:
                    raise
