"""Cuts: what a power loss may have left of a block log, and the device that it leaves.

A disk with a volatile cache keeps everything that was written before the last flush that it has
answered. Of what was written since, any subset may be there, and of one write any of its sectors.
Tried are: everything that has arrived, at each entry; and for what stands between two flushes,
when all of it has arrived: all but one write, one write alone, one write torn, and drawn subsets.

Not here: what a file system makes of a cut (`cut_disk`).

Source: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, section 3;
Documentation/block/writeback_cache_control.rst.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.blocks.log import SECTOR_BYTES, BlockLog, BlockWrite
from walcrash.values.seed import Prng

_BLOCK_BYTES: Final = 4096
_EMPTY: Final = bytes(_BLOCK_BYTES)

# limits
MOST_DRAWN: Final = 64
"""Subsets that are drawn between two flushes, at most."""


class CutKind(Enum):
    """What a cut leaves of the writes since the last flush."""

    PREFIX = "prefix"
    ALL_BUT_ONE = "all-but-one"
    ONE_ALONE = "one-alone"
    TORN = "torn"
    SUBSET = "subset"


@dataclass(frozen=True, slots=True)
class Lost:
    """Sectors of one entry of the log that never reached the disk: first and end."""

    entry: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What reached the disk: so many entries, without some of their sectors."""

    kind: CutKind
    arrived: int
    lost: tuple[Lost, ...] = ()


def cuts(log: BlockLog, prng: Prng, *, drawn: int) -> Iterator[Cut]:
    """Yield the cuts of a log, by what has arrived.

    Args:
        log: the entries, in the order in which they arrived.
        prng: what torn writes and subsets are drawn from.
        drawn: subsets for every two flushes with two writes or more in between.
    """
    assert drawn <= MOST_DRAWN, "more subsets than the limit"
    start = 0
    yield Cut(CutKind.PREFIX, 0)
    for arrived in range(1, len(log) + 1):
        if log[arrived - 1].is_flush:
            yield from _between(log, range(start, arrived - 1), prng, drawn)
            start = arrived
        yield Cut(CutKind.PREFIX, arrived)
    yield from _between(log, range(start, len(log)), prng, drawn)


def _between(log: BlockLog, writes: range, prng: Prng, drawn: int) -> Iterator[Cut]:
    """Yield the cuts of what was written between two flushes, all of which has arrived."""
    whole = [Lost(number, 0, log[number].sectors) for number in writes]
    for lost in whole:
        if len(whole) > 1:
            yield Cut(CutKind.ALL_BUT_ONE, writes.stop, (lost,))
            others = tuple(other for other in whole if other is not lost)
            yield Cut(CutKind.ONE_ALONE, writes.stop, others)
        if lost.end > 1:
            yield Cut(CutKind.TORN, writes.stop, (_torn(lost, prng),))
    for _ in range(drawn if len(whole) > 1 else 0):
        arrived = writes.start + 1 + prng.below(len(whole))
        kept = [lost for lost in whole if lost.entry < arrived and prng.below(2)]
        yield Cut(CutKind.SUBSET, arrived, tuple(kept))


def _torn(whole: Lost, prng: Prng) -> Lost:
    """Return the sectors that a torn write loses: its end, or one of them."""
    at = 1 + prng.below(whole.end - 1)
    return Lost(whole.entry, at, at + 1 if prng.below(2) else whole.end)


Blocks = dict[int, tuple[bytes, bytes]]
"""What is on a device: by block number, content and its hash; what is not in it is zeros."""


def blocks_of(content: bytes) -> Blocks:
    """Return a device's content as blocks."""
    blocks: Blocks = {}
    for start in range(0, len(content), _BLOCK_BYTES):
        block = content[start : start + _BLOCK_BYTES]
        if block != _EMPTY:
            blocks[start // _BLOCK_BYTES] = _hashed(block)
    return blocks


class Devices:
    """What the device holds after each cut of a log; ask in the order that `cuts` has."""

    def __init__(self, base: Mapping[int, tuple[bytes, bytes]], log: BlockLog) -> None:
        self._log = log
        self._durable: Blocks = dict(base)
        self._flushed = 0

    def after(self, cut: Cut) -> Blocks:
        """Return the device that a cut leaves; it is the caller's to keep."""
        self._advance(cut.arrived)
        blocks = dict(self._durable)
        lost = {each.entry: each for each in cut.lost}
        for number in range(self._flushed, cut.arrived):
            _write(blocks, self._log[number], lost.get(number))
        return blocks

    def _advance(self, arrived: int) -> None:
        for number in range(arrived - 1, self._flushed - 1, -1):
            if self._log[number].is_flush:
                for entry in self._log[self._flushed : number]:
                    _write(self._durable, entry, None)
                self._flushed = number + 1
                return


def digest(blocks: Blocks) -> bytes:
    """Return a hash of what is on a device."""
    parts = (number.to_bytes(8, "little") + blocks[number][1] for number in sorted(blocks))
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def _write(blocks: Blocks, entry: BlockWrite, lost: Lost | None) -> None:
    if lost is None:
        _put(blocks, entry.offset, entry.data)
        return
    _put(blocks, entry.offset, entry.data[: lost.first * SECTOR_BYTES])
    end = lost.end * SECTOR_BYTES
    _put(blocks, entry.offset + end, entry.data[end:])


def _put(blocks: Blocks, offset: int, data: bytes) -> None:
    while data:
        number, inside = divmod(offset, _BLOCK_BYTES)
        piece = data[: _BLOCK_BYTES - inside]
        old = blocks[number][0] if number in blocks else _EMPTY
        block = old[:inside] + piece + old[inside + len(piece) :]
        if block == _EMPTY:
            blocks.pop(number, None)
        else:
            blocks[number] = _hashed(block)
        offset, data = offset + len(piece), data[len(piece) :]


def _hashed(block: bytes) -> tuple[bytes, bytes]:
    return block, hashlib.blake2b(block, digest_size=16).digest()
