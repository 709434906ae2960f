"""Lost put: a new segment is begun before the old one is synced.

Records are promised at `sync`, which syncs the segment that is written to. What had been
appended to the one before it since its last sync stayed in the page cache, and the next `sync`
promised it all the same. After a power failure the log ended in the middle.

Repair: sync a segment before the next one is begun.
"""

import os
from collections.abc import Sequence

from power_base import DurableLog, write_all

from walcrash import Acknowledges, Contract, Record

SEGMENT_BYTES = 600


class Subject(DurableLog):
    """Forgets what it has not synced when it turns the page."""

    contract = Contract(acknowledges=Acknowledges.SYNC, max_attempts=3)
    supports = (DurableLog.supports | {"sync"}) - {"compact"}

    def open_log(self) -> None:
        """Read segment after segment; drop those behind a gap or a torn one."""
        self.entries, self.end_offset, self.log = [], 0, -1
        for start in self.segments():
            if start == self.end_offset:
                self.read_segment(start)
            else:
                (self.directory / segment_name(start)).unlink()
        if self.log < 0:
            self.begin_segment()
        self.sync_directory()

    def read_segment(self, start: int) -> None:
        """Add a segment's records, truncate its torn tail, and go on in it."""
        if self.log >= 0:
            os.close(self.log)
        path = self.directory / segment_name(start)
        data = path.read_bytes()
        self.base = self.segment_start = start
        self.log = os.open(path, os.O_WRONLY | os.O_APPEND)
        whole = self.scan(data, position=0)
        self.truncate_tail(whole)
        self.end_offset = start + whole

    def segments(self) -> list[int]:
        """Return where each segment starts, in order."""
        names = [name for name in os.listdir(self.directory) if name.endswith(".segment")]
        return sorted(int(name.removesuffix(".segment")) for name in names)

    def begin_segment(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.segment_start = self.end_offset
        path = self.directory / segment_name(self.segment_start)
        self.log = os.open(path, flags, 0o644)
        self.sync_directory()

    def write(self, record: Record, frame: bytes) -> None:
        if self.end_offset - self.segment_start > SEGMENT_BYTES:
            os.close(self.log)
            self.begin_segment()
        write_all(self.log, frame)

    def tick(self, now_ms: int) -> Sequence[str]:
        self.flush()
        return super().tick(now_ms)

    def flush(self) -> None:
        """Sync every segment: what is sent or applied must not be lost."""
        for start in self.segments():
            fd = os.open(self.directory / segment_name(start), os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)

    def sync(self) -> None:
        self.sync_log()


def segment_name(start: int) -> str:
    """Return the name of the segment whose first record is at `start`."""
    return f"{start}.segment"
