"""Right, though its segments have the wall clock's time in their names.

The number comes first, and the time is for people.

Resembles: `ordered_by_time`.
"""

import os
import time

from segmented import SegmentedLog


class Subject(SegmentedLog):
    """Begins a segment with a number and a time as its name."""

    def begin(self, number: int) -> int:
        return int(self.make(f"{number:08}-{time.time_ns()}.seg", number, os.O_EXCL))
