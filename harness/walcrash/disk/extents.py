"""Extents: the pending changes of one file, as values.

Not here: how they add up to a file (`file_history`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from walcrash.values.content import Buffer
from walcrash.values.moments import Moment, before, part, sectors_of

END_OF_ALL_FILES: Final = 1 << 63
"""The end of a change that has none: of a truncation, or of a tail that was moved away."""


def round_up(offset: int, unit: int) -> int:
    """Return the end of the unit (a block, a sector) in which a range that ends here ends."""
    return -(-offset // unit) * unit


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes, or zeros where `data` is None, laid over a range by one event.

    `is_whole` marks changes of the file's map (truncations, punched holes), which happen to all
    sectors in one part; a write has one part for each sector. Where only a piece of a write is
    left, `parts_before` is how many of its parts came before the piece. `keeps_blocks` is for zeros
    that leave the file its blocks: what is written after them goes to the same place on the disk.
    """

    event: int
    start: int
    end: int
    data: bytes | None
    is_whole: bool
    parts_before: int = 0
    keeps_blocks: bool = False

    def moment(self, sector: int, sector_bytes: int) -> Moment:
        """Return when a sector has the extent."""
        if self.is_whole:
            return part(self.event, 1)
        return part(self.event, 1 + self.parts_before + sector - self.start // sector_bytes)

    def end_at(self, moment: Moment, sector_bytes: int) -> int:
        """Return up to where the extent is there at a moment; its start if it is not."""
        parts = moment - before(self.event)
        if self.is_whole and parts > 0:
            return self.end
        parts -= self.parts_before
        if parts <= 0:
            return self.start
        return min(self.end, (self.start // sector_bytes + parts) * sector_bytes)

    def covers(self, sector: int, sector_bytes: int) -> bool:
        """Whether nothing of a sector is as it was before."""
        start = sector * sector_bytes
        return self.start <= start and start + sector_bytes <= self.end

    def is_after(self, bottom: Moment, sector: int, sector_bytes: int) -> bool:
        """Whether it changes a sector, and after a moment."""
        start = sector * sector_bytes
        is_inside = self.start < start + sector_bytes and start < self.end
        return is_inside and self.moment(sector, sector_bytes) > bottom

    def pieces(self, bottoms: Mapping[int, Moment], sector_bytes: int) -> "Iterator[Extent]":
        """Yield, in runs, what is left of it in sectors that are certain up to a moment each."""
        first = end = -1
        for sector, bottom in bottoms.items():
            if not self.is_after(bottom, sector, sector_bytes):
                continue
            if sector != end and end >= 0:
                yield self.piece(range(first, end), sector_bytes)
            first, end = sector if sector != end else first, sector + 1
        if end >= 0:
            yield self.piece(range(first, end), sector_bytes)

    def piece(self, sectors: range, sector_bytes: int) -> "Extent":
        """Return the part in a run of sectors, all of which it touches."""
        low = max(self.start, sectors.start * sector_bytes)
        high = min(self.end, sectors.stop * sector_bytes)
        data = None if self.data is None else self.data[low - self.start : high - self.start]
        first = self.parts_before + low // sector_bytes - self.start // sector_bytes
        return Extent(self.event, low, high, data, self.is_whole, first)

    def lay(self, content: bytearray | Buffer, low: int, high: int, *, origin: int = 0) -> None:
        """Lay the part in [low, high) over content that begins at `origin` in the file.

        A buffer is all of a file, so it begins at 0.
        """
        if isinstance(content, Buffer):
            if self.data is None:
                content.zero(low, high)
            elif high > low:
                content.write(low, self.data[low - self.start : high - self.start])
        elif self.data is None:
            high = min(high, origin + len(content))
            if high > low:
                content[low - origin : high - origin] = bytes(high - low)
        elif high > low:
            if origin + len(content) < low:
                content.extend(bytes(low - origin - len(content)))
            content[low - origin : high - origin] = self.data[low - self.start : high - self.start]


@dataclass(frozen=True, slots=True)
class SizeChange:
    """A change of size by one event; `grown_from` is a write's start, None for any other call."""

    event: int
    size_before: int
    size: int
    grown_from: int | None

    @property
    def is_explicit(self) -> bool:
        """Whether the size was set, and did not just follow a write."""
        return self.grown_from is None

    def moments(self, sector_bytes: int) -> Iterator[Moment]:
        """Yield when the size changes: at once, or with each sector of a write."""
        if self.grown_from is None:
            yield part(self.event, 1)
            return
        first = self.grown_from // sector_bytes
        for sector in sectors_of(self.size_before, self.size, sector_bytes):
            yield part(self.event, max(1, 1 + sector - first))

    def size_at(self, moment: Moment, sector_bytes: int) -> int:
        """Return the size at a moment after the event has begun."""
        if self.grown_from is None:
            return self.size
        reached = (self.grown_from // sector_bytes + moment - before(self.event)) * sector_bytes
        return max(self.size_before, min(self.size, reached))


@dataclass(frozen=True, slots=True)
class SizePromise:
    """A size that the disk may have from a moment on, and not less if `is_certain`.

    It was not set by a call: it is what follows where blocks are allocated.
    """

    moment: Moment
    size: int
    is_certain: bool = True
