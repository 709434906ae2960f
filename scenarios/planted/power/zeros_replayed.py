"""Altered record: a record's length is durable before its data, and there is no checksum.

A record was whole if all of its length was there, which is so after every kill. A power failure
left a file that had grown, as the length of the record in it had announced, and zeros in the
place of the payload. They were replayed as the order of a customer.

Repair: a checksum over the payload.
"""

import json
import struct
from dataclasses import replace

from power_base import FRAME, DurableLog

from walcrash import Record

HEAD = struct.Struct("<I")


class Subject(DurableLog):
    """Counts the bytes of a payload, and does not look at them."""

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        return FRAME.pack(len(body), 0) + body

    def encode(self, record: Record) -> bytes:
        head = json.dumps(replace(record, payload=b"").to_json()).encode("ascii")
        return HEAD.pack(len(head)) + head + record.payload

    def decode(self, body: bytes) -> Record:
        head_end = HEAD.size + HEAD.unpack_from(body)[0]
        record = Record.from_json(json.loads(body[HEAD.size : head_end]))
        return replace(record, payload=body[head_end:])

    def body_at(self, data: bytes, position: int) -> bytes | None:
        if len(data) - position < FRAME.size:
            return None
        length, _ = FRAME.unpack_from(data, position)
        body = data[position + FRAME.size :][:length]
        return body if len(body) == length and self.has_head(body) else None

    def has_head(self, body: bytes) -> bool:
        try:
            self.decode(body)
        except (ValueError, struct.error):
            return False
        return True
