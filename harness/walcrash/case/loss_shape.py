"""Loss shapes: what an image shows in the place of what was lost.

Two images of one kind of place differ in what a reader meets: a file that is shorter, zeros before
what was kept, or bytes of before right behind it. So an image is held against two others of its
position, what was durable and what memory had, sector by sector. The shape has no lengths: a record
without the zeros behind it is one shape, however long both are.

Not here: which images there are (`walcrash.disk`), in which order shapes are tried (`frontier`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final, Self

from walcrash.disk import ImageBuilder, Pending, choices
from walcrash.values.cause import name_pattern
from walcrash.values.content import PIECE_BYTES, Content, LargeContent
from walcrash.values.contract import PersistenceModel
from walcrash.values.image import Entry, FileEntry, Image
from walcrash.values.image_choice import Policy
from walcrash.values.moments import CrashPosition

# limits
RUNS: Final = 6
"""Most runs of sectors of one file that are told apart."""

UNITS_AT_ONCE: Final = 16
"""Units of a small file that are compared together first: most of a file is as it was."""

_LOST_FIRST: Final = re.compile(r"\.?[oz]+k")

_UNCHANGED: Final = "."
_KEPT: Final = "k"
_CUT: Final = "-"
_ZEROS: Final = "z"
_OLD: Final = "o"

LossShape = frozenset[tuple[str, str]]
"""For each kind of name that is not as memory had it, what is there instead."""


@dataclass(frozen=True, slots=True)
class ImageEnds:
    """The two images of one position that all others lie between.

    Attributes:
        durable: the one in which nothing that was pending is kept.
        memory: the one in which all of it is.
        unit_bytes: what a device writes whole.
    """

    durable: Image
    memory: Image
    unit_bytes: int

    @classmethod
    def of(
        cls,
        pending: Pending,
        model: PersistenceModel,
        position: CrashPosition,
        builder: ImageBuilder,
    ) -> Self:
        """Return those of a position; `builder` is that of its other images."""
        found: dict[Policy, Image] = {}
        for choice in choices(pending, model, position):
            # Nothing of it comes first, where the model has that, and then all of it.
            found[choice.policy] = builder.build(choice)
            if choice.policy is Policy.ALL:
                break
        memory = found[Policy.ALL]
        return cls(found.get(Policy.NOTHING, memory), memory, pending.sector_bytes)

    def shape(self, image: Image) -> LossShape:
        """Return what an image shows in the place of what was lost."""
        names = {**self.memory.entries, **image.entries}
        return frozenset(
            (name_pattern(name), found) for name in names if (found := self._found(name, image))
        )

    def _found(self, name: str, image: Image) -> str:
        had, has = self.memory.entries.get(name), image.entries.get(name)
        if had == has:
            return ""
        if has is None:
            return "gone"
        if had is None:
            return "there again"
        if not isinstance(had, FileEntry) or not isinstance(has, FileEntry):
            return "other"
        if had.content == has.content:
            return "mode"
        runs = self._runs(had.content, has.content, _content(self.durable.entries.get(name)))
        return "".join(kind for kind, _ in islice(groupby(runs), RUNS))

    def _runs(self, had: Content, has: Content, durable: Content) -> Iterator[str]:
        """Yield for each sector, or run of them, what is there."""
        end, unit = max(len(had), len(has)), self.unit_bytes
        step = PIECE_BYTES if isinstance(had, LargeContent) else UNITS_AT_ONCE * unit
        for piece in range(0, end, step):
            stop = min(end, piece + step)
            there = [_piece(each, piece, stop) for each in (had, has, durable)]
            if there[0] == there[1] and (there[1] == there[2] or not there[2]):
                yield _shown(*there)
                continue
            for start in range(0, stop - piece, unit):
                at = slice(start, start + unit)
                yield _shown(*(each[at] for each in there))


def _piece(content: Content, start: int, stop: int) -> bytes:
    """Return a run of bytes; a whole piece of a large content without a copy."""
    if isinstance(content, LargeContent) and stop - start == PIECE_BYTES and stop <= len(content):
        return content.pieces[start // PIECE_BYTES].data
    return content[start:stop]


def _content(entry: Entry | None) -> Content:
    return entry.content if isinstance(entry, FileEntry) else b""


def _shown(had: bytes, has: bytes, durable: bytes) -> str:
    if had == has:
        return _UNCHANGED if has == durable else _KEPT
    if had[: len(has)] == has:
        return _CUT
    return _OLD if has.strip(b"\0") else _ZEROS


def loses_first(shape: LossShape) -> bool:
    """Whether something was lost before what was kept, in one of the files."""
    return any(_LOST_FIRST.match(found) for _, found in shape)
