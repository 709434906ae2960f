"""Silent rot: a segment that was cut at the end of a record is not noticed.

Nothing of what is left of the segment is bad, and the next one is whole as well. The records
between them are gone, and the replay goes on behind the hole.

Repair: compare where a segment begins with where the one before it ended.
"""

from rot_base import SegmentLog


class Subject(SegmentLog):
    """Reads one segment after the other."""

    def check_first(self, first: int) -> None:
        pass
