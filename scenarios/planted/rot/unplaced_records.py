"""Silent rot: the checksum of a record does not cover where it is.

Two sectors changed places. Each of them holds a record that is whole, so both are shown, the later
one first: a mark comes before its put, and the last record of an id is another one.

Repair: let a record state its offset, and refuse one that is elsewhere.
"""

from rot_base import SectorLog


class Subject(SectorLog):
    """Takes a record wherever it is."""

    def is_own_place(self, offset: int, position: int) -> bool:
        return True
