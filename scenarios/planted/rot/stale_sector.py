"""Silent rot: a sector of the log as it was before a compaction is taken for a record.

A write that got lost left the sector as it was. Records state their position in the file and not
their offset, so a record of the file before is in its place, and is shown again.

Repair: let a record state its offset, which never comes twice.
"""

from rot_base import SectorLog


class Subject(SectorLog):
    """States positions."""

    def is_own_place(self, offset: int, position: int) -> bool:
        return offset == position

    def stated(self, offset: int, base: int) -> int:
        return offset - base
