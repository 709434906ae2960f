"""Crash states: one legal image as moments, before any byte of it is put together.

Not here: which crash states are legal (`models`), the image of one (`build`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from walcrash.disk.entries import EntryKey
from walcrash.values.moments import Moment


@dataclass(frozen=True, slots=True)
class FileState:
    """What of a file an image has: its size, and the moment of its content.

    `special` is for the sectors that are of another moment; `is_without_syncs` for a file whose
    syncs do not count since its last name is gone.
    """

    size: int
    moment: Moment
    special: Mapping[int, Moment] = field(default_factory=dict)
    is_without_syncs: bool = False


@dataclass(frozen=True, slots=True)
class CrashState:
    """What each entry leads to, and what an image has of each file with pending changes.

    `modes` are those of files and directories whose mode has pending changes.
    """

    targets: Mapping[EntryKey, int | None]
    files: Mapping[int, FileState]
    modes: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The moments that something may be at, both ends included.

    `hole` is one before them that it may be at as well: where a block is not written at all.
    """

    earliest: Moment
    latest: Moment
    hole: Moment | None = None

    def nearest(self, asked: Moment) -> Moment:
        """Return the moment inside that is nearest to one asked for."""
        if self.hole is not None and asked < self.earliest:
            return self.hole
        return min(max(asked, self.earliest), self.latest)

    def inside(self, moments: Sequence[Moment]) -> list[Moment]:
        """Return the moments inside that differ in what is there, of those of its changes."""
        first = [] if self.hole is None else [self.hole]
        later = (moment for moment in moments if self.earliest < moment <= self.latest)
        return [*first, self.earliest, *later]
