"""Lost put: a segment's name is made of random bytes, and taken to be new.

128 random bits never come twice. They did when a virtual machine was started from one snapshot for
the second time: the first segment of the new start had the name of one that was there, was opened
to be made anew, and so was emptied.

Repair: open with O_EXCL, and take another name where that is taken.

Resembles: salts and session ids that repeat after a snapshot is restored.
"""

import os
from pathlib import Path

from segmented import HEADER, SegmentedLog


class Subject(SegmentedLog):
    """Begins a segment of a random name, and empties one that has it."""

    def segments(self) -> list[Path]:
        """Return the segments in the order of the numbers in their headers."""
        return sorted(super().segments(), key=number_of)

    def begin(self, number: int) -> int:
        return int(self.make(f"{os.urandom(16).hex()}.seg", number, os.O_TRUNC))


def number_of(path: Path) -> int:
    """Return the number in a segment's header; one that was never used comes last."""
    data = path.read_bytes()[: HEADER.size]
    return int(HEADER.unpack(data)[1]) if len(data) == HEADER.size else 1 << 62
