"""Right: the segmented log of `lost_rotation`, unchanged."""

from lost_rotation import SegmentedLog


class Subject(SegmentedLog):
    """Refuses what needs a segment that cannot be made."""
