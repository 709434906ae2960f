"""Right, though its segments have random names: one that is taken is not used again.

Resembles: `random_names`.
"""

import os
from pathlib import Path

from random_names import number_of
from segmented import SegmentedLog


class Subject(SegmentedLog):
    """Begins a segment of a random name that no other has."""

    def segments(self) -> list[Path]:
        return sorted(super().segments(), key=number_of)

    def begin(self, number: int) -> int:
        while True:
            try:
                return int(self.make(f"{os.urandom(16).hex()}.seg", number, os.O_EXCL))
            except FileExistsError:
                continue
