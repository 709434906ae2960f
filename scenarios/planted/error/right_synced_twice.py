"""Right, though it seems wasteful: it syncs twice before it acknowledges.

Resembles: `synced_once`. Where the error of a sync comes with the next one, the second of the two
has it, and nothing was acknowledged in between.
"""

import os

from error_base import CarefulLog


class Subject(CarefulLog):
    """Believes two syncs."""

    def sync_log(self) -> None:
        with self.or_nothing_more():
            os.fsync(self.log)
            os.fsync(self.log)

    def sync_new(self, fd: int) -> None:
        os.fsync(fd)
        os.fsync(fd)
