"""Image choices: which of the images that a crash may leave, as a small value.

A choice says how far names and file content have come on the disk, and where single entries,
sizes or sectors are further or less far. A model then takes each of them to the nearest moment
that it allows, so every choice means an image that is legal in its model.

Not here: what a model allows (`disk.models`), which choices are worth a try
(`disk.enumeration`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event
from walcrash.values.forms import SPARSE, FileName, Row, Whole
from walcrash.values.image import Image
from walcrash.values.moments import (
    SECTOR_BYTES,
    WRITTEN_MOMENT,
    WRITTEN_MOMENT_OR_STALE,
    CrashPosition,
    Moment,
    sectors_of,
    split,
)
from walcrash.values.quick_enum import QuickEnum

_REAL: Final = "the tree that a real file system left, which no model allows"


class Policy(QuickEnum):
    """Why a choice was made; in the order in which choices are tried.

    The order is that of the share of each policy's images that real file systems showed, in
    `reports/real-trees.md`.
    """

    NOTHING = "nothing"
    ALL = "all"
    NAMES_ONLY = "names-only"
    PREFIX = "prefix"
    FILES_ONLY = "files-only"
    ALL_BUT_ONE = "all-but-one"
    BLOCK_LOST = "block-lost"
    GROWN_ZEROS = "grown-zeros"
    ONE_ALONE = "one-alone"
    TORN = "torn"
    GROWN_STALE = "grown-stale"
    BOTH_NAMES = "both-names"
    DRAWN = "drawn"
    EXPLICIT = "explicit"


class HeldKind(Enum):
    """What is held at a moment of its own."""

    NAME = "name"
    MODE = "mode"
    SIZE = "size"
    SECTORS = "sectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Row):
    """Something that is at another moment than the rest.

    Attributes:
        kind: an entry of a directory, the mode of a file or directory, a file's size, or some of
            a file's sectors.
        node: the number of the directory or file in the model.
        moment: the moment that it has; `STALE` is that of the bytes before the first.
        name: the entry's name.
        first, end: the sectors, `end` not included. Of a size, `end` is up to which byte blocks
            were written back: the size reaches to there, as far as the file did.
    """

    kind: HeldKind
    node: Annotated[int, Whole(0)]
    moment: Annotated[Moment, WRITTEN_MOMENT_OR_STALE]
    name: FileName = ""
    first: Annotated[int, Whole(0)] = 0
    end: Annotated[int, Whole(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChoice:
    """One image, by what of the pending changes it keeps.

    Attributes:
        model: the persistence model that allows it.
        position: where the crash falls in the trace.
        policy: why it was chosen.
        names: how far directories have come.
        files: how far sizes and content have come.
        held: what is at a moment of its own; a later one of two overrules.
        about: the event that the policy is about; -1 if none.
        seed: for `DRAWN`: what `held` and the moments are drawn from.
        sector_bytes: the unit in which writes tear.
        tree: the image itself, where a real file system left one that no model allows; then
            `model` is the one that has to allow what that file system leaves, and `names`,
            `files` and `held` say nothing.
    """

    model: PersistenceModel
    position: CrashPosition
    policy: Policy
    names: Annotated[Moment, WRITTEN_MOMENT] = 0
    files: Annotated[Moment, WRITTEN_MOMENT] = 0
    held: tuple[Held, ...] = ()
    about: Annotated[int, Whole(-1)] = -1
    seed: Annotated[int, Whole(0)] | None = None
    sector_bytes: Annotated[int, Whole(1)] = SECTOR_BYTES
    tree: Annotated[Image | None, SPARSE] = None

    def describe(
        self, events: Mapping[int, Event], *, name: Callable[[int], str] = "event {}".format
    ) -> str:
        """Return one line for reports.

        Args:
            events: at least the event that it is about.
            name: names an event, which is counted as positions count.
        """
        if self.tree is not None:
            return f"{_REAL}; power lost {self.position.at(name)}"
        event = events.get(self.about)
        shown = name(self.about) + (f" ({event})" if event is not None else "")
        lines = {
            Policy.NOTHING: "nothing kept that was not synced",
            Policy.ALL: "everything kept",
            Policy.NAMES_ONLY: "all names kept, no content that was not synced",
            Policy.FILES_ONLY: "all content kept, no names that were not synced",
            Policy.PREFIX: f"everything kept up to {shown}, nothing after it",
            Policy.ALL_BUT_ONE: f"everything kept but {shown}",
            Policy.ONE_ALONE: f"nothing kept but {shown}",
            Policy.TORN: f"{shown} torn: {self._torn(event)}",
            Policy.BLOCK_LOST: f"everything kept but {self._sectors()} since {shown}",
            Policy.GROWN_ZEROS: f"the file of {shown} has its new size, and zeros in its new part",
            Policy.GROWN_STALE: f"the file of {shown} has its new size, and stale bytes in it",
            Policy.BOTH_NAMES: f"{shown} half done: the file has both names",
            Policy.DRAWN: f"a part of the changes, drawn with seed {self.seed}",
            Policy.EXPLICIT: f"{len(self.held)} changes at moments of their own",
        }
        return f"{lines[self.policy]}; power lost {self.position.at(name)} ({self.model.value})"

    def _torn(self, event: Event | None) -> str:
        if self.held:
            return f"all of it kept but {self._sectors(event)}, nothing after it"
        kept = f"its first {split(self.names)[1]}"
        if event is not None:
            sectors = sectors_of(event.offset, event.offset + event.result, self.sector_bytes)
            kept += f" of {len(sectors)}"
        return f"{kept} sectors kept, nothing after them"

    def _sectors(self, event: Event | None = None) -> str:
        """Return the bytes of the sectors that are held, of those of an event if one is given."""
        for held in self.held:
            if held.kind is HeldKind.SECTORS:
                start, end = held.first * self.sector_bytes, held.end * self.sector_bytes
                if event is not None:
                    start = max(start, event.offset)
                    end = min(end, event.offset + event.result)
                return f"bytes {start}-{end - 1}"
        return "its name"
