"""Right: the base of all of them, with records in segments."""

from rot_base import SegmentLog


class Subject(SegmentLog):
    """Says so when something went bad."""
