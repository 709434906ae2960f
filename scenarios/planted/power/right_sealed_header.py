"""Right: a short header before each record, and a checksum behind it that covers both.

A power loss may leave a header without its first bytes, where a sector ends within it; the checksum
is wrong then, and the log ends there.
"""

import json
import struct
import zlib

from power_base import DurableLog

from walcrash import Record, RecordType

HEAD = struct.Struct("<BBI")
CHECKSUM = struct.Struct("<I")
TYPES = (RecordType.PUT, RecordType.DONE, RecordType.FAILED)
VERSION = 1


class Subject(DurableLog):
    """Type, version, length; the body; a checksum of all of it."""

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        head = HEAD.pack(TYPES.index(record.type), VERSION, len(body))
        return head + body + self.checksum(head, body)

    def scan(self, data: bytes, position: int = 16) -> int:
        while (frame := self.frame_at(data, position)) is not None:
            self.entries.append((self.base + position, self.decode(frame)))
            position += len(frame) + CHECKSUM.size
        return position

    def frame_at(self, data: bytes, position: int) -> bytes | None:
        """Return the header and the body of a record, or None if no whole record is there."""
        if len(data) - position < HEAD.size:
            return None
        kind, _, length = HEAD.unpack_from(data, position)
        start, end = position + HEAD.size, position + HEAD.size + length
        head, body, stored = data[position:start], data[start:end], data[end : end + CHECKSUM.size]
        is_known = 0 < length == len(body) and kind < len(TYPES)
        return head + body if is_known and stored == self.checksum(head, body) else None

    def checksum(self, head: bytes, body: bytes) -> bytes:
        """Return what stands behind a record."""
        return CHECKSUM.pack(zlib.crc32(head + body))

    def encode(self, record: Record) -> bytes:
        shown = record.to_json()
        del shown["type"]
        return json.dumps(shown).encode("ascii")

    def decode(self, body: bytes) -> Record:
        kind = TYPES[body[0]]
        return Record.from_json({"type": kind.value, **json.loads(body[HEAD.size :])})
