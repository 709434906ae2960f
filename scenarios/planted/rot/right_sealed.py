"""Right: the base of all of them, unchanged."""

from rot_base import SealedLog


class Subject(SealedLog):
    """Says so when something went bad."""
