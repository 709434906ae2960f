"""The block log: what reached a recorded device, in the order in which it arrived.

An entry is a write or a flush. A FUA write is a write with a flush behind it, since the loop
driver says that it has no FUA. What was written before a flush is on the disk when it returns;
what was written since the last one may be there or not, sector by sector.

Not here: which subsets of it are tried (`cuts`), who writes the log (`recorded_file`).

Source: Documentation/block/writeback_cache_control.rst; Linux, `drivers/block/loop.c`.
"""

import struct
from dataclasses import dataclass
from typing import Final

SECTOR_BYTES: Final = 512
"""What a disk writes whole."""

FILE_NAME: Final = "disk"
"""The only file behind FUSE."""

COUNT_BYTES: Final = 8
"""The number of entries that have arrived, at the start of the page that is mapped."""

SPARED: Final = struct.Struct("=QQ")
"""A range of the device in which writes of data are made whatever is said of others: where it
begins and where it ends, in bytes."""

SPARED_AT: Final = 16
"""Where that range is, in the page that is mapped."""

HEADER: Final = struct.Struct("<BQQ")
"""One entry in a log file: whether it is a flush, offset, length; a write's bytes follow."""


@dataclass(frozen=True, slots=True)
class BlockWrite:
    """One write that reached the device; a flush has no bytes."""

    offset: int
    data: bytes
    is_flush: bool = False

    @property
    def sectors(self) -> int:
        """How many sectors it has."""
        return -(-len(self.data) // SECTOR_BYTES)


BlockLog = tuple[BlockWrite, ...]


def packed(entry: BlockWrite) -> bytes:
    """Return an entry as a log file has it."""
    return HEADER.pack(entry.is_flush, entry.offset, len(entry.data)) + entry.data


def read_log(data: bytes) -> BlockLog:
    """Return the entries of a log file, in their order."""
    entries, start = [], 0
    while start < len(data):
        is_flush, offset, length = HEADER.unpack_from(data, start)
        start += HEADER.size
        entries.append(BlockWrite(offset, data[start : start + length], bool(is_flush)))
        start += length
    return tuple(entries)
