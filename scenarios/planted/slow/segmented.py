"""A log that begins a new segment with each boot: the base of bugs with clocks and random bytes.

`SegmentedLog` is `DurableLog` of the directory `power` with segments that are numbered in their
names. A segment is whole and synced, with its name, before anything is appended to it.
"""

import os
from pathlib import Path

from slow_base import DurableLog, power_base, write_all

HEADER, MAGIC = power_base.HEADER, power_base.MAGIC


class SegmentedLog(DurableLog):
    """The right subject: the number of a segment is one more than the last one's."""

    supports = frozenset({"reopen"})

    def open_log(self) -> None:
        """Read all segments in order, make them durable, and begin the next one."""
        self.entries = []
        self.end_offset = 0
        segments = self.segments()
        for path in segments:
            self.read_segment(path)
        self.log = self.begin(len(segments))
        self.sync_directory()

    def read_segment(self, path: Path) -> None:
        data = path.read_bytes()
        self.base = self.end_offset - HEADER.size
        whole = self.scan(data)
        self.end_offset = self.base + whole
        fd = os.open(path, os.O_WRONLY)
        if HEADER.size <= whole < len(data):
            os.ftruncate(fd, whole)
        os.fsync(fd)
        os.close(fd)

    def segments(self) -> list[Path]:
        """Return the segments that are there, in the order of their records."""
        return sorted(self.directory.glob("*.seg"))

    def begin(self, number: int) -> int:
        """Make a new segment; return a descriptor to append to it."""
        return self.make(f"{number:08}.seg", number, os.O_EXCL)

    def make(self, name: str, number: int, flags: int) -> int:
        """Make a segment of a name that has a number in its header."""
        flags |= os.O_CREAT | os.O_WRONLY | os.O_APPEND
        fd = os.open(self.directory / name, flags, 0o644)
        write_all(fd, HEADER.pack(MAGIC, number))
        os.fsync(fd)
        return fd
