"""Order: segments are replayed in the order of the times in their names.

"A later segment has a later time." On a board without a battery for its clock each start began in
1970 until the network was there, and after one such start a day's records came before all others.

Repair: number the segments; a time in a name is for people.
"""

import os
import time

from segmented import SegmentedLog


class Subject(SegmentedLog):
    """Begins a segment with the wall clock's time as its name."""

    def begin(self, number: int) -> int:
        return int(self.make(f"{time.time_ns():020}.seg", number, os.O_EXCL))
