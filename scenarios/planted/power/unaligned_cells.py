"""Unrecoverable: cells of one sector each do not begin where sectors do.

The file got a header of 256 bytes, so that it could say what it was. Each cell behind it lay in two
sectors from then on, and the power could go between them: the first half of a record was new, the
second half was zeros, and nothing told the reader. Every start of the service failed at that cell.

Repair: give the header a sector of its own, or a record a checksum.
"""

from right_sectors import Subject as RightSectors


class Subject(RightSectors):
    """Has its cells in the middle of sectors."""

    start_bytes = 256
