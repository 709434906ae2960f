"""Altered record: a checksum covers the body of a record, and not the header before it.

The header is six bytes: type, version, length. If the length was wrong, so was the checksum, and
that had seemed to be all that could be. A header that lay over the end of a sector was written by
two writes of the disk; the second came, with the length and the body, and the first did not. The
type was zero then, which is that of a put: an operation that was done had never been.

Repair: a checksum over the header as well, as in `right_sealed_header`.
"""

import zlib

from right_sealed_header import CHECKSUM
from right_sealed_header import Subject as SealedLog


class Subject(SealedLog):
    """Leaves its header out."""

    def checksum(self, head: bytes, body: bytes) -> bytes:
        del head
        return CHECKSUM.pack(zlib.crc32(body))
