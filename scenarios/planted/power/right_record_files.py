"""Right: a log of one file for each record, which syncs its directory before it acknowledges.

A record is written to a temporary file, synced, and renamed to its offset. Then the directory is
synced, and the last offset is written over the one before it in the file `last`, a hint for people.

Resembles: `unchanged_inode`, which counts on the sync of that file in the place of the directory's.
"""

import os

from power_base import DurableLog

from walcrash import Contract, PersistenceModel, Record

LAST_BYTES = 8


class Subject(DurableLog):
    """Keeps each record in a file of its own."""

    contract = Contract(model=PersistenceModel.EXT4, max_attempts=3)
    supports = DurableLog.supports - {"compact"}

    def open_log(self) -> None:
        self.log = os.open(self.directory / "last", os.O_RDWR | os.O_CREAT, 0o644)
        if not os.fstat(self.log).st_size:
            os.write(self.log, bytes(LAST_BYTES))
        self.sync_log()
        # What a killed process renamed may be in memory only.
        os.fsync(self.directory_fd)
        self.entries, self.end_offset = [], 0
        for offset in self.offsets():
            data = (self.directory / f"{offset}.record").read_bytes()
            body = self.body_at(data, 0)
            assert body is not None, f"{offset}.record was synced before it had its name"
            self.entries.append((offset, self.decode(body)))
            self.end_offset = offset + len(data)

    def offsets(self) -> list[int]:
        """Return the offsets of all records, in order."""
        names = [name for name in os.listdir(self.directory) if name.endswith(".record")]
        return sorted(int(name.removesuffix(".record")) for name in names)

    def write(self, record: Record, frame: bytes) -> None:
        temporary = self.directory / "record.tmp"
        self.write_new(temporary, frame)
        os.replace(temporary, self.directory / f"{self.end_offset}.record")
        self.sync_name()
        os.pwrite(self.log, self.end_offset.to_bytes(LAST_BYTES, "little"), 0)
        self.sync_log()

    def sync_name(self) -> None:
        """Make the name of the last record durable."""
        self.sync_directory()
