"""Phantom record after two power failures: recovery ends the log, and leaves what is behind.

The log has its full size from the start, each record takes whole sectors, and recovery marks
the end with a sector of zeros. A power failure had taken a record that was not synced yet and
left the one behind it; recovery put its zeros over the gap, and all was well. The next record
took the place of the zeros. When the power failed again, the record behind it was part of the
log once more: an order that was known to be lost came back after a day.

Repair: make everything behind the end zeros; or a checksum that covers the boot.
"""

import os

from power_base import FRAME
from right_preallocated import Subject as PreallocatedLog

from walcrash import Acknowledges, Contract, Record

SECTOR_BYTES = 512


class Subject(PreallocatedLog):
    """Marks the end of the log, and counts on the rest being zeros."""

    contract = Contract(acknowledges=Acknowledges.SYNC, max_attempts=3)
    supports = frozenset({"sync", "reopen"})

    def scan(self, data: bytes, position: int = SECTOR_BYTES) -> int:
        position = SECTOR_BYTES
        while (body := self.body_at(data, position)) is not None:
            self.entries.append((self.base + position, self.decode(body)))
            position += sectors(FRAME.size + len(body))
        return position

    def frame(self, record: Record) -> bytes:
        frame = super().frame(record)
        return frame.ljust(sectors(len(frame)), b"\0")

    def truncate_tail(self, position: int) -> None:
        with open(self.directory / "wal.log", "r+b", buffering=0) as log:
            os.pwrite(log.fileno(), bytes(SECTOR_BYTES), position)
        self.sync_log()

    def write(self, record: Record, frame: bytes) -> None:
        os.pwrite(self.log, frame, self.end_offset - self.base)

    def sync(self) -> None:
        self.sync_log()

    def close(self) -> None:
        self.sync_log()
        os.close(self.log)
        os.close(self.directory_fd)


def sectors(length_bytes: int) -> int:
    """Return the bytes of the whole sectors that so many bytes take."""
    return -(-length_bytes // SECTOR_BYTES) * SECTOR_BYTES
