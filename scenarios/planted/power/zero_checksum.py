"""Unrecoverable: a run of zeros is a record with a right checksum.

The CRC-32 of no bytes is 0, so eight zeros are a frame of no bytes whose checksum is right. No
kill leaves zeros behind the last record; a power failure did, in a file that had grown before
its data was written. Recovery took them for a record, and found nothing in it to decode.

Repair: a frame without a body is none; or a checksum that begins with something else than 0.
"""

from power_base import DurableLog, PlainLog


class Subject(DurableLog):
    """Accepts an empty frame."""

    def body_at(self, data: bytes, position: int) -> bytes | None:
        return PlainLog.body_at(self, data, position)
