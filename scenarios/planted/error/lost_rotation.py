"""Lost put: the next segment could not be made, and its first record is acknowledged.

The log goes on in a new file after so many bytes. When that could not be made (no space, too many
open files) the writer kept the record for later, and told its caller that all was well.

Repair: refuse the append that needs the new segment.
"""

import os
import zlib

from error_base import FRAME, CarefulLog, write_all

from walcrash import Record

SEGMENT_BYTES = 600


class SegmentedLog(CarefulLog):
    """A right log of several files; a segment's name is the offset of its first record.

    The checksum of a record covers its offset. Where the size of a segment was durable before its
    data, its blocks may hold what a removed file had in them: whole records of another segment.
    """

    def open_log(self) -> None:
        self.entries: list[tuple[int, Record]] = []
        starts = self.segments()
        self.base = self.end_offset = starts[0] if starts else 0
        self.log = -1
        for start in starts:
            data = self.load(segment_name(start), b"")
            self.base, self.end_offset = start, start + self.scan_from(start, data)
            self.save(segment_name(start), data[: self.end_offset - start])
        if starts:
            self.log = os.open(self.directory / segment_name(starts[-1]), os.O_WRONLY | os.O_APPEND)
            self.segment_start = starts[-1]
        else:
            self.next_segment()

    def scan_from(self, start: int, data: bytes) -> int:
        """Add a segment's records; return where they end in it."""
        self.base = start
        return int(self.scan(data, position=0))

    def segments(self) -> list[int]:
        """Return where each segment starts, in order."""
        names = [name for name in os.listdir(self.directory) if name.endswith(".segment")]
        return sorted(int(name.removesuffix(".segment")) for name in names)

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        return bytes(FRAME.pack(len(body), placed_checksum(body, self.end_offset))) + body

    def body_at(self, data: bytes, position: int) -> bytes | None:
        if len(data) - position < FRAME.size:
            return None
        length, checksum = FRAME.unpack_from(data, position)
        body = data[position + FRAME.size :][:length]
        is_whole = 0 < len(body) == length
        is_right = is_whole and placed_checksum(body, self.base + position) == checksum
        return body if is_right else None

    def next_segment(self) -> None:
        """Go on in a new file, whose name is durable before anything is written to it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        made = os.open(self.directory / segment_name(self.end_offset), flags, 0o644)
        try:
            self.sync_directory()
        except OSError:
            os.close(made)
            raise
        if self.log >= 0:
            os.close(self.log)
        self.log, self.segment_start = made, self.end_offset

    def write(self, record: Record, frame: bytes) -> None:
        if self.end_offset - self.segment_start > SEGMENT_BYTES:
            self.next_segment()
        super().write(record, frame)

    def compact(self) -> None:
        """Every record stays."""
        self.check()


class Subject(SegmentedLog):
    """Keeps in memory what needs a new segment."""

    def write(self, record: Record, frame: bytes) -> None:
        kept = getattr(self, "kept", [])
        try:
            super().write(record, frame)
        except OSError:
            if self.end_offset - self.segment_start <= SEGMENT_BYTES:
                raise
            self.failure = None
            self.kept = [*kept, frame]


def placed_checksum(body: bytes, offset: int) -> int:
    """Return the checksum of a record that begins at an offset of the log."""
    return zlib.crc32(body, zlib.crc32(b"%d" % offset))


def segment_name(start: int) -> str:
    """Return the name of the segment whose first record is at `start`."""
    return f"{start}.segment"


__all__ = ["SegmentedLog", "Subject", "write_all"]
