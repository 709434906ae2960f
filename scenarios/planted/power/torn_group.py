"""Altered record: a record is torn between its head and its tail, and both are there.

Each record had a checksum over its head and a mark behind its payload: whoever finds the mark
has the whole record, since a write goes from front to back. It does in memory. On the disk the
first and the last sector of a write had been written, and one between them had not.

Repair: a checksum over all of the record.
"""

import json
import struct
import zlib
from dataclasses import replace

from power_base import FRAME, DurableLog

from walcrash import Record

HEAD = struct.Struct("<II")
MARK = b"\xc5END OF RECORD"


class Subject(DurableLog):
    """Checks both ends of a record, and not between them."""

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        return FRAME.pack(len(body), zlib.crc32(body[: head_end(body)])) + body

    def encode(self, record: Record) -> bytes:
        head = json.dumps(replace(record, payload=b"").to_json()).encode("ascii")
        return HEAD.pack(len(head), len(record.payload)) + head + record.payload + MARK

    def decode(self, body: bytes) -> Record:
        end = head_end(body)
        record = Record.from_json(json.loads(body[HEAD.size : end]))
        return replace(record, payload=body[end : -len(MARK)])

    def body_at(self, data: bytes, position: int) -> bytes | None:
        if len(data) - position < FRAME.size:
            return None
        length, checksum = FRAME.unpack_from(data, position)
        body = data[position + FRAME.size :][:length]
        if len(body) < length or length < HEAD.size or not body.endswith(MARK):
            return None
        return body if zlib.crc32(body[: head_end(body)]) == checksum else None


def head_end(body: bytes) -> int:
    """Return where the head of a record ends, and its payload begins."""
    return HEAD.size + int(HEAD.unpack_from(body)[0])
