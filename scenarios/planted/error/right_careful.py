"""Right: the base of all of them, unchanged."""

from error_base import CarefulLog


class Subject(CarefulLog):
    """Says so when a call fails."""
