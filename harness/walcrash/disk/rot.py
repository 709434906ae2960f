"""Rot in an image: which damage there can be, what it leaves, and which calls wrote what it hit.

Damage comes in turns: each kind, in each file, in each region of it. A region is a run of bytes
that one call wrote, so in a log it is a record; where nobody knows who wrote what, it is a sector.
In a region come its first bytes, where headers are, then its last ones and its middle. What changes
nothing is no damage.

Not here: what a subject has to notice of it (`walcrash.oracle.silent_rot`).

Source: Bairavasundaram et al., FAST 2008; Prabhakaran et al., "IRON File Systems", SOSP 2005.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from typing import Final

from walcrash.disk.versions import FileVersions, Versions
from walcrash.values.damage import Author, DamageAtRest, DamageKind, Rotted
from walcrash.values.faults.nth_call import is_named
from walcrash.values.image import FileEntry, Image
from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.seed import Prng

# limits
REGIONS: Final = 256
"""Most regions of one file that are damaged; of more, the seed chooses."""

_PLACES: Final = (0, 4, 1, 2, 8, 3, 5, 6, 7, 12, 16, 20, 24, 28, 32, 40)
"""Bytes of a region that are hit: the first ones, where lengths and checksums are."""


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


def _content(image: Image, path: str) -> bytes | None:
    """Return what a file has; None for what is no file, and for one that is too large."""
    entry = image.entries.get(path)
    if isinstance(entry, FileEntry) and isinstance(entry.content, bytes):
        return entry.content
    return None


def _authors(before: bytes, after: bytes, known: FileVersions) -> list[Author]:
    """Return the calls that wrote what is other than before, or is no longer there."""
    found: set[Author] = set()
    for start in range(0, len(before), SECTOR_BYTES):
        old, new = before[start : start + SECTOR_BYTES], after[start : start + SECTOR_BYTES]
        if old == new:
            continue
        for at in range(len(old)):
            if old[at : at + 1] != new[at : at + 1]:
                found.update(known.wrote(start + at, start + at + 1))
    return sorted(found)


# What the damage leaves.


def _damaged(content: bytes, known: FileVersions, damage: DamageAtRest) -> bytes | None:
    """Return what is left of a file's content; None where the file is gone."""
    at, end = damage.offset, damage.offset + damage.length
    other = damage.other_offset
    match damage.kind:
        case DamageKind.REMOVED:
            return None
        case DamageKind.CUT:
            return content[:at]
        case DamageKind.OLDER:
            has = damage.version < len(known.earlier)
            return known.earlier[damage.version] if has else content
        case DamageKind.STALE:
            if damage.version >= len(known.earlier):
                return content
            stale = known.earlier[damage.version][at:end]
            return _with(content, at, stale.ljust(damage.length, b"\0"))
        case DamageKind.BIT if at < len(content):
            return _with(content, at, bytes([content[at] ^ 1 << damage.bit]))
        case DamageKind.ZEROS:
            return _with(content, at, bytes(damage.length))
        case DamageKind.MISDIRECTED:
            return _with(content, at, content[other : other + damage.length])
        case DamageKind.SWAPPED:
            there = _with(content, other, content[at:end])
            return _with(there, at, content[other : other + damage.length])
    return content


def _with(content: bytes, at: int, data: bytes) -> bytes:
    """Return content with other bytes in one place, and as long as before."""
    return (content[:at] + data + content[at + len(data) :])[: len(content)]


# Which damage there can be.


def _damages(
    kind: DamageKind, path: str, content: bytes, known: FileVersions, prng: Prng
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


def _regions(content: bytes, known: FileVersions, prng: Prng) -> list[_Region]:
    """Return the runs of bytes that one call wrote, in an order that is drawn."""
    if known.authors is None:
        regions = [_Region(*each) for each in _sectors(content)]
    else:
        regions, start = [], 0
        for _, run in groupby(known.authors):
            end = start + len(list(run))
            regions.append(_Region(start, end))
            start = end
    return prng.shuffled(regions)[:REGIONS]


def _sectors(content: bytes) -> list[tuple[int, int]]:
    return [
        (start, min(start + SECTOR_BYTES, len(content)))
        for start in range(0, len(content), SECTOR_BYTES)
    ]


def _bits(path: str, regions: Sequence[_Region], prng: Prng) -> Iterator[DamageAtRest]:
    for turn in range(len(_PLACES) + 3):
        for region in regions:
            length = region.end - region.start
            behind = (length - 1, length // 2, prng.below(length))
            place = _PLACES[turn] if turn < len(_PLACES) else behind[turn - len(_PLACES)]
            # In one of two turns the middle is hit too: most of a record is its content.
            for at in {place, length // 2 + turn} if turn < 2 else {place}:
                if at < length:
                    offset, bit = region.start + at, prng.below(8)
                    yield DamageAtRest(
                        kind=DamageKind.BIT, path=path, offset=offset, length=1, bit=bit
                    )


def _zeros(path: str, content: bytes, regions: Sequence[_Region]) -> Iterator[DamageAtRest]:
    spans = [(region.start, region.end) for region in regions]
    behind = [(start, len(content)) for start, _ in spans]
    for turn in zip_longest(spans, _sectors(content), behind):
        for span in turn:
            if span is not None:
                yield DamageAtRest(
                    kind=DamageKind.ZEROS, path=path, offset=span[0], length=span[1] - span[0]
                )


def _stale(path: str, content: bytes, known: FileVersions, prng: Prng) -> Iterator[DamageAtRest]:
    every = [
        DamageAtRest(
            kind=DamageKind.STALE, path=path, offset=start, length=end - start, version=version
        )
        for version, earlier in enumerate(known.earlier)
        for start, end in _sectors(content)
        if start < len(earlier)
    ]
    yield from prng.shuffled(every)


def _pairs(kind: DamageKind, path: str, content: bytes, prng: Prng) -> Iterator[DamageAtRest]:
    """Yield neighbours first: a head that is one sector off is what happens."""
    whole = len(content) // SECTOR_BYTES
    near = prng.shuffled(list(range(whole - 1)))
    far = [(prng.below(whole), prng.below(whole)) for _ in range(whole)]
    for first, second in [*((at, at + 1) for at in near), *far]:
        if first != second:
            yield DamageAtRest(
                kind=kind,
                path=path,
                offset=first * SECTOR_BYTES,
                length=SECTOR_BYTES,
                other_offset=second * SECTOR_BYTES,
            )


def _cuts(path: str, content: bytes, regions: Sequence[_Region]) -> Iterator[DamageAtRest]:
    ends = [region.start for region in regions]
    sectors = [start for start, _ in _sectors(content)]
    for turn in zip_longest(ends, sectors, [len(content) - 1]):
        for end in turn:
            if end is not None:
                yield DamageAtRest(kind=DamageKind.CUT, path=path, offset=end)
