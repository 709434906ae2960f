"""Unrecoverable: the header that commits a record is durable before the record.

The header of the log says where its last record ends, in two slots that take turns. An append
wrote the record, then the header, and synced both at once, which is in order for whoever reads
through the page cache. The disk wrote the header first, since it comes first; and then there
was no more power.

Repair: sync the record, then write the header and sync again; or a checksum in each record.
"""

import os
import struct
import zlib

from power_base import FRAME, HEADER, DurableLog

from walcrash import Record

COMMIT = struct.Struct("<8sI")
SLOTS = (HEADER.size, 2 * HEADER.size)
FIRST_RECORD = 1024


class Subject(DurableLog):
    """Checks its header, and trusts it for the rest."""

    supports = DurableLog.supports - {"compact"}
    commits = 0

    def create_log(self) -> None:
        header = HEADER.pack(b"HEADLOG\0", HEADER.size)
        self.save("wal.log", header.ljust(FIRST_RECORD, b"\0"))

    def open_log(self) -> None:
        super().open_log()
        os.close(self.log)
        # O_APPEND would send the header to the end of the file.
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY)

    def scan(self, data: bytes, position: int = FIRST_RECORD) -> int:
        commits = [COMMIT.unpack_from(data, slot) for slot in SLOTS]
        ends = [int.from_bytes(end, "little") for end, crc in commits if zlib.crc32(end) == crc]
        self.commits = ends.index(max(ends)) + 1 if ends else 0
        return super().scan(data[: max(ends, default=FIRST_RECORD)], FIRST_RECORD)

    def body_at(self, data: bytes, position: int) -> bytes | None:
        if position == len(data):
            return None
        length, _ = FRAME.unpack_from(data, position)
        return data[position + FRAME.size :][:length]

    def truncate_tail(self, position: int) -> None:
        """Leave what the header does not count: the next record goes over it."""

    def write(self, record: Record, frame: bytes) -> None:
        position = self.end_offset - self.base
        end = (position + len(frame)).to_bytes(8, "little")
        os.pwrite(self.log, frame, position)
        os.pwrite(self.log, COMMIT.pack(end, zlib.crc32(end)), SLOTS[self.commits % 2])
        self.commits += 1
        self.sync_log()
