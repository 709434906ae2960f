"""Right, though it seems wrong: the log has its full size from the start, and zeros for a tail.

Appends go into space that the file has already, so an fdatasync has no size to write. The zeros
behind the last record are no frame, since a frame has a body; recovery makes everything behind
the last whole record zeros again, and syncs that, before it appends.

Resembles: `zero_checksum` and `zeros_replayed` (zeros are read as a log), and `revived_tail`.
"""

import os

from power_base import HEADER, MAGIC, DurableLog

from walcrash import Record

LOG_BYTES = 32 * 1024


class Subject(DurableLog):
    """Writes into space that is there."""

    def open_log(self) -> None:
        super().open_log()
        os.close(self.log)
        # O_APPEND would send each record behind the zeros.
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY)

    def create_log(self) -> None:
        self.save("wal.log", HEADER.pack(MAGIC, 0))

    def save(self, name: str, data: bytes) -> None:
        super().save(name, data.ljust(LOG_BYTES, b"\0") if name == "wal.log" else data)

    def truncate_tail(self, position: int) -> None:
        data = self.load("wal.log", b"")
        if any(data[position:]):
            os.ftruncate(self.log, position)
            os.ftruncate(self.log, len(data))
            self.sync_log()

    def write(self, record: Record, frame: bytes) -> None:
        os.pwrite(self.log, frame, self.end_offset - self.base)
        self.sync_log()

    def sync_log(self) -> None:
        os.fdatasync(self.log)
