"""Laying: the content of one file while changes are laid over it.

It is bytes that can be changed, and a buffer of pieces where they are many (`values.content`).

Not here: the changes (`extents`), in which order they are laid (`file_history`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from walcrash.disk.extents import Extent
from walcrash.values.content import PIECE_BYTES, SMALL_BYTES, Buffer, Content, LargeContent
from walcrash.values.moments import STALE, Moment, before

Changeable = bytearray | Buffer

# limits
CHANGES_BETWEEN: Final = 64
"""Most changes of a large file that are laid for one content, from a snapshot on."""

BYTES_BETWEEN: Final = 4 * PIECE_BYTES
"""About as many bytes are laid from a snapshot on."""

LONG_RUN_SECTORS: Final = 128
"""From so many sectors on a run that is at one moment is laid at once, and not by the sector."""


def changeable(content: Content) -> Changeable:
    """Return some content as what can be changed."""
    return Buffer(content) if isinstance(content, LargeContent) else bytearray(content)


def with_room(data: Changeable, size: int) -> Changeable:
    """Return the same content as what it has to be for a size in bytes."""
    if size > SMALL_BYTES and not isinstance(data, Buffer):
        return Buffer(data)
    return data


def put(data: Changeable, at: int, part: bytes) -> None:
    """Put bytes at an offset; what lies between the end and the offset is zeros."""
    if isinstance(data, Buffer):
        data.write(at, part)
        return
    if len(data) < at:
        data.extend(bytes(at - len(data)))
    data[at : at + len(part)] = part


def cut(data: Changeable, size: int) -> None:
    """Leave out what lies behind a size, if anything does."""
    if not isinstance(data, Buffer):
        del data[size:]
    elif len(data) > size:
        data.resize(size)


class Snapshots:
    """What a large file was after some of its pending changes, from which later ones go on.

    The images of one position are thousands of the changes' prefixes, and each would be laid from
    the durable content on. The content after a prefix differs from that after the one before it
    in few pieces, so that the snapshots share the others.
    """

    __slots__ = ("_counts", "_laid")

    def __init__(self, base: Buffer) -> None:
        self._counts = [0]
        self._laid = [base.copy()]

    def forget_after(self, count: int) -> None:
        """Forget what more than so many changes have made."""
        kept = bisect_right(self._counts, count)
        del self._counts[kept:], self._laid[kept:]

    def before(self, extents: Sequence[Extent], count: int) -> tuple[Buffer, int]:
        """Return the content after some of the first `count` changes, and after how many."""
        while (end := self._next(extents)) <= count:
            laid = self._laid[-1].copy()
            for extent in extents[self._counts[-1] : end]:
                extent.lay(laid, extent.start, extent.end)
            self._counts.append(end)
            self._laid.append(laid)
        at = bisect_right(self._counts, count) - 1
        return self._laid[at].copy(), self._counts[at]

    def _next(self, extents: Sequence[Extent]) -> int:
        """Return after how many changes the next snapshot is; more than there are for none."""
        length = 0
        for at, extent in enumerate(extents[self._counts[-1] :], start=self._counts[-1] + 1):
            length += 0 if extent.data is None else len(extent.data)
            if at - self._counts[-1] == CHANGES_BETWEEN or length >= BYTES_BETWEEN:
                return at
        return len(extents) + 1


def runs_of(
    special: Mapping[int, Moment], *, may_be_long: bool
) -> Iterator[tuple[int, int, Moment]]:
    """Yield first sector, end and moment of what is at moments of its own.

    Where runs may be long, sectors that follow each other at one moment are one, but for those
    with stale bytes; else each sector is by itself.
    """
    if not may_be_long or len(special) < LONG_RUN_SECTORS:
        for sector, moment in special.items():
            yield sector, sector + 1, moment
        return
    first, end, at = -1, -1, STALE
    for sector, moment in sorted(special.items()):
        if sector == end and moment == at and moment != STALE:
            end += 1
            continue
        if first >= 0:
            yield first, end, at
        first, end, at = sector, sector + 1, moment
    yield first, end, at


def lay_run(
    data: Changeable,
    base: Changeable,
    extents: Iterable[Extent],
    run: range,
    *,
    moment: Moment,
    sector_bytes: int,
) -> None:
    """Make a run of bytes what it was at a moment; nothing of it is durable by itself."""
    start, end = run.start, run.stop
    if end <= start:
        return
    if isinstance(data, Buffer):
        data.take(base if isinstance(base, Buffer) else Buffer(base), start, end)
    else:
        put(data, start, bytes(base[start:end]).ljust(end - start, b"\0"))
    for extent in extents:
        if before(extent.event) >= moment:
            break
        high = min(end, extent.end_at(moment, sector_bytes))
        extent.lay(data, max(start, extent.start), high)


def sectors_to_zero(
    base: Changeable, sectors: range, extents: Iterable[Extent], sector_bytes: int
) -> Iterator[int]:
    """Yield the sectors of a range that zeros are laid over, without pieces that have only zeros.

    Such a piece reads the same before and after, so no moment of it can be told from another; a
    file that was made in advance and is cut and filled again has hundreds of them.

    Args:
        base: the durable content.
        sectors: the range.
        extents: all changes of the file since.
        sector_bytes: the length of a sector.
    """
    in_piece = PIECE_BYTES // sector_bytes
    if len(sectors) <= in_piece:
        yield from sectors
        return
    touched = {
        piece
        for each in extents
        if each.data is not None
        for piece in range(each.start // PIECE_BYTES, (each.end - 1) // PIECE_BYTES + 1)
    }
    for piece in range(sectors.start // in_piece, (sectors.stop - 1) // in_piece + 1):
        if piece in touched or not _is_empty(base, piece):
            low, high = piece * in_piece, (piece + 1) * in_piece
            yield from range(max(sectors.start, low), min(sectors.stop, high))


def _is_empty(base: Changeable, piece: int) -> bool:
    if isinstance(base, Buffer):
        return base.is_empty(piece)
    part = base[piece * PIECE_BYTES : (piece + 1) * PIECE_BYTES]
    return part.count(0) == len(part)


def finished(data: Changeable, size: int) -> Content:
    """Return the first bytes, so many; where there are not as many, zeros are added."""
    if isinstance(data, Buffer):
        data.resize(size)
        return data.content()
    del data[size:]
    return bytes(data) + bytes(size - len(data))
