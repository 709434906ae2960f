"""Rot in an image: which damage there can be, what it leaves, and which calls wrote what it hit.

Damage comes in turns: each kind, in each file, in each region of it. A region is a run of bytes
that one call wrote, so in a log it is a record; where nobody knows who wrote what, it is a sector.
In a region its first bytes are hit, where headers are, its last one and its middle, in each region
others. What changes nothing is no damage.

Of a large file (`values.content`) sectors are sampled: those of its first and last pieces with data
and some between, so that a damage costs what it changes.

Not here: what a subject has to notice of it (`walcrash.oracle.silent_rot`).

Source: Bairavasundaram et al., FAST 2008; Prabhakaran et al., "IRON File Systems", SOSP 2005.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from walcrash.disk.versions import FileVersions, Versions
from walcrash.values.content import PIECE_BYTES, Buffer, Content, LargeContent
from walcrash.values.damage import Author, DamageAtRest, DamageKind, Rotted
from walcrash.values.faults.nth_call import is_named
from walcrash.values.image import FileEntry, Image
from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.seed import Prng

# limits
REGIONS: Final = 256
"""Most regions of one file that are damaged; of more, the seed chooses."""

SAMPLED_SECTORS: Final = 1_024
"""Most sectors of a large file that are damaged."""

_PLACES: Final = (0, 4, 1, 2, 8, 3, 5, 6, 7, 12, 16, 20, 24, 28, 32, 40)
"""Bytes of a region that are hit: the first ones, where lengths and checksums are."""

_BEHIND: Final = 3
"""Further bytes that are hit: the last one, one in the middle, and one that is drawn."""

_WITH_MIDDLE: Final = 2
"""In so many turns a byte in the middle is hit as well."""

_LOW_BITS: Final = 2
"""Half of the flipped bits are one of these: what counts kinds is a small number."""


@dataclass(frozen=True, slots=True)
class _Region:
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotten:
    """A damaged image, and what was damaged."""

    image: Image
    rotted: Rotted


def rotten_images(
    image: Image,
    versions: Versions,
    *,
    kinds: Sequence[DamageKind],
    files: str,
    prng: Prng,
) -> Iterator[Rotten]:
    """Yield an image with one damage after the other, each kind and file in its turn.

    Args:
        image: what the last boot left.
        versions: its files, as the events of all boots made them.
        kinds: what may go bad; empty for any.
        files: only files of which the path, or the name at its end, matches this pattern; empty
            for any.
        prng: what the order in each turn is drawn from.
    """
    contents = {
        path: content
        for path in image.entries
        if (content := _content(image, path)) and (not files or is_named(path, files))
    }
    turns = [
        _damages(kind, path, content, versions.of(path, content), prng)
        for kind in kinds or tuple(DamageKind)
        for path, content in contents.items()
    ]
    seen = {image.digest()}
    for turn in zip_longest(*turns):
        for damage in turn:
            found = None if damage is None else rotten(image, versions, damage)
            if found is not None and (digest := found.image.digest()) not in seen:
                seen.add(digest)
                yield found


def rotten(image: Image, versions: Versions, damage: DamageAtRest) -> Rotten | None:
    """Return an image with a damage; None where that changes nothing or cannot be done."""
    entry, before = image.entries.get(damage.path), _content(image, damage.path)
    if not isinstance(entry, FileEntry) or before is None:
        return None
    known = versions.of(damage.path, before)
    content = _damaged(before, known, damage)
    if content == before:
        return None
    entries = dict(image.entries)
    if content is None:
        # Another name of the same file would need its content.
        if any(getattr(each, "first_name", None) == damage.path for each in entries.values()):
            return None
        del entries[damage.path]
    else:
        entries[damage.path] = replace(entry, content=content)
    authors = _authors(before, content or b"", known)
    return Rotten(image=Image(entries), rotted=Rotted(damage=damage, authors=tuple(authors)))


def _content(image: Image, path: str) -> Content | None:
    """Return what a file has; None for what is no file."""
    entry = image.entries.get(path)
    return entry.content if isinstance(entry, FileEntry) else None


def _authors(before: Content, after: Content, known: FileVersions) -> list[Author]:
    """Return the calls that wrote what is other than before, or is no longer there."""
    found: set[int] = set()
    for start, end in _changed_pieces(before, after):
        for run in known.within(start, end):
            if run.call not in found and before[run.start : run.end] != after[run.start : run.end]:
                found.add(run.call)
    return sorted(known.calls[call] for call in found)


def _changed_pieces(before: Content, after: Content) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the pieces that may be other than before."""
    shared = isinstance(before, LargeContent) and isinstance(after, LargeContent)
    for start in range(0, len(before), PIECE_BYTES):
        index = start // PIECE_BYTES
        if shared and isinstance(before, LargeContent) and isinstance(after, LargeContent):
            is_same_size = len(before) == len(after)
            has_both = index < len(after.pieces) - (not is_same_size)
            if has_both and before.pieces[index] is after.pieces[index]:
                continue
        yield start, min(start + PIECE_BYTES, len(before))


# What the damage leaves.


def _damaged(content: Content, known: FileVersions, damage: DamageAtRest) -> Content | None:
    """Return what is left of a file's content; None where the file is gone."""
    at, end = damage.offset, damage.offset + damage.length
    other = damage.other_offset
    match damage.kind:
        case DamageKind.REMOVED:
            return None
        case DamageKind.CUT:
            return _cut(content, at)
        case DamageKind.OLDER:
            has = damage.version < len(known.earlier)
            return known.earlier[damage.version] if has else content
        case DamageKind.STALE:
            if damage.version >= len(known.earlier):
                return content
            stale = known.earlier[damage.version][at:end]
            return _with(content, at, stale.ljust(damage.length, b"\0"))
        case DamageKind.BIT if at < len(content):
            return _with(content, at, bytes([content[at : at + 1][0] ^ 1 << damage.bit]))
        case DamageKind.ZEROS:
            return _zeroed(content, at, end)
        case DamageKind.MISDIRECTED:
            return _with(content, at, content[other : other + damage.length])
        case DamageKind.SWAPPED:
            there = _with(content, other, content[at:end])
            return _with(there, at, content[other : other + damage.length])
    return content


def _with(content: Content, at: int, data: bytes) -> Content:
    """Return content with other bytes in one place, and as long as before."""
    if at >= len(content):
        return content
    buffer = Buffer(content)
    buffer.write(at, data[: len(content) - at])
    return buffer.content()


def _zeroed(content: Content, start: int, end: int) -> Content:
    buffer = Buffer(content)
    buffer.zero(start, end)
    return buffer.content()


def _cut(content: Content, size: int) -> Content:
    if size >= len(content):
        return content
    buffer = Buffer(content)
    buffer.resize(size)
    return buffer.content()


# Which damage there can be.


def _damages(
    kind: DamageKind, path: str, content: Content, known: FileVersions, prng: Prng
) -> Iterator[DamageAtRest]:
    draw: Mapping[DamageKind, Callable[[], Iterator[DamageAtRest]]] = {
        DamageKind.BIT: lambda: _bits(path, _regions(content, known, prng), prng),
        DamageKind.ZEROS: lambda: _zeros(path, content, _regions(content, known, prng)),
        DamageKind.STALE: lambda: _stale(path, content, known, prng),
        DamageKind.SWAPPED: lambda: _pairs(DamageKind.SWAPPED, path, content, prng),
        DamageKind.MISDIRECTED: lambda: _pairs(DamageKind.MISDIRECTED, path, content, prng),
        DamageKind.CUT: lambda: _cuts(path, content, _regions(content, known, prng)),
        DamageKind.REMOVED: lambda: iter([DamageAtRest(kind=kind, path=path)]),
        DamageKind.OLDER: lambda: (
            DamageAtRest(kind=kind, path=path, version=number)
            for number in reversed(range(len(known.earlier)))
        ),
    }
    return draw[kind]()


def _regions(content: Content, known: FileVersions, prng: Prng) -> list[_Region]:
    """Return the runs of bytes that one call wrote, in an order that is drawn."""
    if known.runs is None:
        regions = [_Region(*each) for each in _sectors(content)]
    else:
        regions = [_Region(run.start, run.end) for run in known.runs]
    return prng.shuffled(regions)[:REGIONS]


def _sectors(content: Content) -> list[tuple[int, int]]:
    """Return the sectors of a file; of a large one a sample of those in pieces with data."""
    size = len(content)
    if isinstance(content, bytes):
        starts = list(range(0, size, SECTOR_BYTES))
    else:
        per_piece = PIECE_BYTES // SECTOR_BYTES
        pieces = [start for start, _ in content.written()]
        ends = {*pieces[:1], *pieces[-1:]}
        between = [start for start in pieces if start not in ends]
        left = SAMPLED_SECTORS - len(ends) * per_piece
        step = max(1, -(-len(between) * per_piece // left))
        starts = [
            start + sector * SECTOR_BYTES
            for start in pieces
            for sector in range(per_piece)
            if start in ends or (start // SECTOR_BYTES + sector) % step == 0
        ]
    return [(start, min(start + SECTOR_BYTES, size)) for start in starts if start < size]


def _bits(path: str, regions: Sequence[_Region], prng: Prng) -> Iterator[DamageAtRest]:
    """Yield flipped bits, each in another region and at another place in it.

    A case takes a few of them: of each place in its turn it would only ever take the first one.
    """
    turns = len(_PLACES) + _BEHIND
    first = prng.below(turns)
    for shift in range(turns):
        for number, region in enumerate(regions):
            turn = (first + shift + number) % turns
            for at in _hit(turn, region.end - region.start, prng):
                yield DamageAtRest(
                    kind=DamageKind.BIT,
                    path=path,
                    offset=region.start + at,
                    length=1,
                    bit=prng.below(_LOW_BITS if prng.below(2) else 8),
                )


def _hit(turn: int, length: int, prng: Prng) -> list[int]:
    """Return which bytes of a region of so many are hit in a turn."""
    behind = (length - 1, length // 2, prng.below(length))
    place = _PLACES[turn] if turn < len(_PLACES) else behind[turn - len(_PLACES)]
    # In some turns the middle is hit too: most of a record is its content.
    places = {place, length // 2 + turn} if turn < _WITH_MIDDLE else {place}
    return sorted(at for at in places if at < length)


def _zeros(path: str, content: Content, regions: Sequence[_Region]) -> Iterator[DamageAtRest]:
    spans = [(region.start, region.end) for region in regions]
    behind = [(start, len(content)) for start, _ in spans]
    for turn in zip_longest(spans, _sectors(content), behind):
        for span in turn:
            if span is not None:
                yield DamageAtRest(
                    kind=DamageKind.ZEROS, path=path, offset=span[0], length=span[1] - span[0]
                )


def _stale(path: str, content: Content, known: FileVersions, prng: Prng) -> Iterator[DamageAtRest]:
    every = [
        DamageAtRest(
            kind=DamageKind.STALE, path=path, offset=start, length=end - start, version=version
        )
        for version, earlier in enumerate(known.earlier)
        for start, end in _sectors(content)
        if start < len(earlier)
    ]
    yield from prng.shuffled(every)


def _pairs(kind: DamageKind, path: str, content: Content, prng: Prng) -> Iterator[DamageAtRest]:
    """Yield neighbours first: a head that is one sector off is what happens."""
    whole = [start // SECTOR_BYTES for start, end in _sectors(content) if end % SECTOR_BYTES == 0]
    last = len(content) // SECTOR_BYTES - 1
    near = prng.shuffled([at for at in whole if at < last])
    far = [(whole[prng.below(len(whole))], whole[prng.below(len(whole))]) for _ in whole]
    for first, second in [*((at, at + 1) for at in near), *far]:
        if first != second:
            yield DamageAtRest(
                kind=kind,
                path=path,
                offset=first * SECTOR_BYTES,
                length=SECTOR_BYTES,
                other_offset=second * SECTOR_BYTES,
            )


def _cuts(path: str, content: Content, regions: Sequence[_Region]) -> Iterator[DamageAtRest]:
    ends = [region.start for region in regions]
    sectors = [start for start, _ in _sectors(content)]
    for turn in zip_longest(ends, sectors, [len(content) - 1]):
        for end in turn:
            if end is not None:
                yield DamageAtRest(kind=DamageKind.CUT, path=path, offset=end)
