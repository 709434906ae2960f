"""Unrecoverable: the state is overwritten in place, and may be torn in its middle.

Two slots took turns, so that the older one would be left if the newer one was torn. The slot's
number stood in a sector in front of the state and in one behind it, and a slot was whole when
the two agreed; that is so after every kill, since bytes are copied in order. A disk writes
sectors in any order: both ends of a slot were new, and between them was the state before last.

Repair: a checksum over the whole slot.
"""

import os
import struct

from power_base import DurableLog

SECTOR_BYTES = 512
SLOT = struct.Struct("<QI")
SLOT_BYTES = 16 * 1024


class Subject(DurableLog):
    """Checks both ends of a slot, and not between them."""

    def save(self, name: str, data: bytes) -> None:
        if name != "state":
            super().save(name, data)
            return
        number = max(number for number, _ in self.slots()) + 1
        end = SLOT.pack(number, len(data)).ljust(SECTOR_BYTES, b"\0")
        content = end + data.ljust(sectors(len(data)), b"\0") + end
        assert len(content) <= SLOT_BYTES, "a state fits into its slot"
        fd = os.open(self.directory / "slots", os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, content, number % 2 * SLOT_BYTES)
        os.fsync(fd)
        os.close(fd)
        self.sync_directory()

    def load(self, name: str, default: bytes) -> bytes:
        if name != "state":
            return super().load(name, default)
        return max(self.slots(), key=lambda slot: slot[0])[1] or default

    def slots(self) -> list[tuple[int, bytes]]:
        """Return the number and the state of each slot; 0 and nothing for one that is torn."""
        data = super().load("slots", b"").ljust(2 * SLOT_BYTES, b"\0")
        return [self.slot_at(data, start) for start in (0, SLOT_BYTES)]

    def slot_at(self, data: bytes, start: int) -> tuple[int, bytes]:
        number, length = SLOT.unpack_from(data, start)
        body = data[start + SECTOR_BYTES :][:length]
        end = data[start + SECTOR_BYTES + sectors(length) :][: SLOT.size]
        return (number, body) if end == SLOT.pack(number, length) else (0, b"")


def sectors(length_bytes: int) -> int:
    """Return the bytes of the whole sectors that so many bytes take."""
    return -(-length_bytes // SECTOR_BYTES) * SECTOR_BYTES
