"""Data writes: what a recording device does with the writes of a workload's own data.

The device cannot know whose a write is. It knows data by its content: the steps of `models`
write letters, and a write whose first sector is one ASCII letter repeated is data. No file system
writes such a sector for itself; one that is not data is made as ever.

Not here: who asks for it (`tools.models`), where the writes arrive (`recorded_file`).
"""

from enum import Enum
from typing import Final

from walcrash.blocks.log import SECTOR_BYTES

_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class DataWrites(Enum):
    """What becomes of them; the number is the one in the page that the device maps."""

    MADE = 0
    HELD = 1
    """They arrive late, and everything else overtakes them."""
    FAILED = 2
    """They are answered with EIO, and nothing of them arrives."""


def is_data(data: bytes) -> bool:
    """Whether a write is of a workload's data."""
    sector = data[:SECTOR_BYTES]
    return bool(sector) and sector[0] in _LETTERS and sector.count(sector[0]) == len(sector)
