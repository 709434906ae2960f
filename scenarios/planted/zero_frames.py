"""Phantom record: recovery wipes a torn record with zeros, and zeros are a valid record.

A length of 0 and a checksum of 0 fit: the CRC-32 of nothing is 0. The decoder gave missing
fields their defaults, for the sake of older versions. After a crash in the middle of a write
the outbox held operations with an empty id, one for every eight bytes that had been wiped.

Repair: truncate the torn tail; and let no run of zeros be a valid frame (a magic number, or a
checksum that starts from another value than 0).
"""

import json
import os

from planted_base import FRAME, PlainLog, write_all

from walcrash import Record

DEFAULTS = {
    "type": "PutOperation",
    "id": "",
    "ts_ms": 0,
    "payload": "",
    "error": "",
    "next_retry_at_ms": 0,
}


class Subject(PlainLog):
    """Reads zeros as records."""

    def truncate_tail(self, position: int) -> None:
        torn_bytes = os.fstat(self.log).st_size - position
        frames = -(-torn_bytes // FRAME.size)
        super().truncate_tail(position)
        write_all(self.log, bytes(frames * FRAME.size))
        os.close(self.log)
        self.open_log()

    def decode(self, body: bytes) -> Record:
        return Record.from_json({**DEFAULTS, **json.loads(body or b"{}")})
