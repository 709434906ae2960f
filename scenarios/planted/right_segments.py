"""Right, though it seems wrong: the log is many files, and compaction deletes some of them.

A segment's name is the offset of its first record. Compaction drops segments from the start of
the log, as long as all their operations are done, and it stops at the first that has another
one. So it can drop a put and keep its `MarkDone`, and never the other way round.

Resembles: `listing_order` (segments are found by listing the directory, and sorted), and
`unlink_then_rename` (each unlink of a segment leaves a log that is right).
"""

import os

from planted_base import PlainLog, write_all

from walcrash import Record

SEGMENT_BYTES = 1000


class Subject(PlainLog):
    """Keeps a log in segments."""

    def open_log(self) -> None:
        self.entries = []
        segments = self.segments() or [0]
        for start in segments:
            data = self.load(segment_name(start), b"")
            self.base = start
            whole = self.scan(data, position=0)
        self.end_offset = start + whole
        self.open_segment(start)
        if whole < len(data):
            self.truncate_tail(whole)

    def segments(self) -> list[int]:
        """Return where each segment starts, in order."""
        names = [name for name in os.listdir(self.directory) if name.endswith(".segment")]
        return sorted(int(name.removesuffix(".segment")) for name in names)

    def open_segment(self, start: int) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.segment_start = start
        self.log = os.open(self.directory / segment_name(start), flags, 0o644)

    def write(self, record: Record, frame: bytes) -> None:
        if self.end_offset - self.segment_start > SEGMENT_BYTES:
            os.close(self.log)
            self.open_segment(self.end_offset)
        write_all(self.log, frame)

    def compact(self) -> None:
        self.apply()
        done = {name for name, entry in self.outbox.items() if entry.status == "done"}
        for start, following in zip(self.segments(), self.segments()[1:], strict=False):
            inside = {record.id for at, record in self.entries if start <= at < following}
            if not inside <= done:
                return
            (self.directory / segment_name(start)).unlink()
            self.entries = [entry for entry in self.entries if entry[0] >= following]


def segment_name(start: int) -> str:
    """Return the name of the segment whose first record is at `start`."""
    return f"{start}.segment"
