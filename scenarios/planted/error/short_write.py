"""Lost put: what `write` returns is ignored.

A write that moves a part of a record is taken for the whole one, and so is everything behind it.

Repair: write what is left, until all is written or a call fails.
"""

import os

from error_base import CarefulLog


class Subject(CarefulLog):
    """Takes a short write for a whole one."""

    def write_frame(self, frame: bytes) -> None:
        os.write(self.log, frame)
