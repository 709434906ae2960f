"""Checkpoint ahead: the checkpoint is overwritten in place, and its offset lies in two sectors.

Two blocks took turns. A block begins and ends with its number, and was whole when the two
agreed; that is so after every kill, since bytes are copied in order. Behind the first number
stands a label of 503 bytes, so the first byte of the offset is the last of a sector. A disk
writes sectors in any order: both ends of a block were new, and so was the low byte of the
offset, and the rest of it was from the checkpoint before last.

Repair: a checksum over the whole block; or a block within one sector.
"""

import os
import struct

from power_base import DurableLog

LABEL = b"checkpoint of wal.log"
BLOCK = struct.Struct("<Q503sQ505xQ")
BLOCK_BYTES = 2048


class Subject(DurableLog):
    """Checks both ends of a checkpoint, and not between them."""

    def save(self, name: str, data: bytes) -> None:
        if name != "checkpoint":
            super().save(name, data)
            return
        number = max(number for number, _ in self.blocks()) + 1
        fd = os.open(self.directory / "blocks", os.O_WRONLY | os.O_CREAT, 0o644)
        block = BLOCK.pack(number, LABEL, int(data), number)
        os.pwrite(fd, block, number % 2 * BLOCK_BYTES)
        os.fsync(fd)
        os.close(fd)
        self.sync_directory()

    def load(self, name: str, default: bytes) -> bytes:
        if name != "checkpoint":
            return super().load(name, default)
        return str(max(self.blocks())[1]).encode("ascii")

    def blocks(self) -> list[tuple[int, int]]:
        """Return the number and the offset of each block; zeros for one that is torn."""
        data = super().load("blocks", b"").ljust(2 * BLOCK_BYTES, b"\0")
        found = []
        for start in (0, BLOCK_BYTES):
            first, _, offset, last = BLOCK.unpack_from(data, start)
            found.append((first, offset) if first == last else (0, 0))
        return found
