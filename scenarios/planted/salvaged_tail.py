"""Altered record, only by a kill in the middle of a write: recovery salvages half a payload.

The checksum covered the record's fields and not its payload, which "belongs to the user". When
the write of a record had been interrupted within the payload, recovery took what was there:
better half an operation than none, as the comment said. The half was then sent to the bank.

Repair: the checksum covers everything, and a record that is not whole is no record.
"""

import base64
import json
import zlib

from planted_base import FRAME, PlainLog

from walcrash import Record


class Subject(PlainLog):
    """Recovers as much of a record as there is."""

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        return FRAME.pack(len(body), zlib.crc32(body.partition(b"\n")[0])) + body

    def encode(self, record: Record) -> bytes:
        fields = json.dumps({**record.to_json(), "payload": ""})
        return fields.encode("ascii") + b"\n" + record.payload

    def decode(self, body: bytes) -> Record:
        fields, _, payload = body.partition(b"\n")
        encoded = base64.b64encode(payload).decode("ascii")
        return Record.from_json({**json.loads(fields), "payload": encoded})

    def body_at(self, data: bytes, position: int) -> bytes | None:
        if len(data) - position < FRAME.size:
            return None
        length, checksum = FRAME.unpack_from(data, position)
        body = data[position + FRAME.size :][:length]
        fields, newline, _ = body.partition(b"\n")
        return body if newline and zlib.crc32(fields) == checksum else None
