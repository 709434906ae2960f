"""Right: the base of all of them, with records which begin at a sector."""

from rot_base import SectorLog


class Subject(SectorLog):
    """Says so when something went bad."""
