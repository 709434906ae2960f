"""The space of crash states at one position: how many are legal, and each of them.

A crash state says at which moment each entry, size and sector is. The number is exact where it
can be worked out without listing them; two crash states may have the same content, so there are
at most as many images.

Not here: which moments a model allows (`model`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from walcrash.disk.crash_state import CrashState, FileState
from walcrash.disk.entries import EntryKey
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.values.moments import Moment

# limits
MOST_COUNTED_STATES: Final = 10**18
"""Counting stops here; reports say "at least" of more."""


@dataclass(frozen=True, slots=True)
class Space:
    """How many crash states are legal: counted, or at least so many."""

    states: int
    is_counted: bool

    def __str__(self) -> str:
        """Return the form that reports use."""
        return f"{self.states}" if self.is_counted else f"at least {self.states}"

    @classmethod
    def of(cls, total: int, *, is_counted: bool = True) -> "Space":
        """Return a space of so many states, or of at least as many as are counted."""
        if total > MOST_COUNTED_STATES:
            return cls(MOST_COUNTED_STATES, is_counted=False)
        return cls(total, is_counted)


class SectorOptions(Mapping[int, Sequence[Moment]]):
    """The moments that each pending sector of a file may have, worked out when they are asked for.

    A count stops long before the last of many sectors. It is to be asked before the file goes on.
    """

    __slots__ = ("_known", "_moments", "_sectors")

    def __init__(self, file: FileHistory, moments: Callable[[int], Sequence[Moment]]) -> None:
        self._sectors = file.pending_sectors()
        self._moments = moments
        self._known: dict[int, Sequence[Moment]] = {}

    def __getitem__(self, sector: int) -> Sequence[Moment]:
        known = self._known.get(sector)
        if known is None:
            if sector not in self._sectors:
                raise KeyError(sector)
            known = self._known[sector] = self._moments(sector)
        return known

    def __iter__(self) -> Iterator[int]:
        return iter(self._sectors)

    def __len__(self) -> int:
        return len(self._sectors)


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The sizes that a file may have in bytes, and the moments that each of its sectors may have.

    Each is free of the others. `otherwise` is the moment of the sectors that are not listed.
    """

    file: FileHistory
    sizes: Sequence[int]
    sectors: Mapping[int, Sequence[Moment]]
    otherwise: Moment = 0

    def count(self) -> int:
        """Return in how many ways the file may be, or more than are counted."""
        total = len(self.sizes)
        for moments in self.sectors.values():
            total *= len(moments)
            if total > MOST_COUNTED_STATES:
                break
        return total

    def states(self) -> Iterator[FileState]:
        """Yield each way in which the file may be."""
        for size in self.sizes:
            for chosen in product(*self.sectors.values()):
                special = dict(zip(self.sectors, chosen, strict=True))
                yield FileState(size, self.otherwise, special, self.file.is_without_syncs)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One way in which all names may be, and what modes and files may be with it.

    Attributes:
        entries: the moment of each entry with pending changes.
        modes: what each mode with pending changes may be, by the file or directory.
        files: what each file with pending changes may be; each is free of the others.
    """

    entries: Mapping[EntryKey, Moment]
    modes: Mapping[int, Sequence[int]]
    files: Sequence[FileOptions]

    def targets(self, pending: FileSystem) -> dict[EntryKey, int | None]:
        """Return what each entry with pending changes leads to."""
        return {key: name.at(self.entries[key]) for key, name in pending.names.pending.items()}

    def states(self, pending: FileSystem) -> Iterator[CrashState]:
        """Yield each combination of the ways in which files and modes may be."""
        targets = self.targets(pending)
        for chosen in product(*(list(option.states()) for option in self.files)):
            files = {
                option.file.number: state for option, state in zip(self.files, chosen, strict=True)
            }
            for modes in product(*self.modes.values()):
                yield CrashState(targets, files, dict(zip(self.modes, modes, strict=True)))


def at_moments(pending: FileSystem, *, names: Moment, files: Moment) -> Arrangement:
    """Return the arrangement with names and modes at one moment, and everything else at another."""
    return Arrangement(
        dict.fromkeys(pending.names.pending, names),
        {number: [mode] for number, mode in modes_at(pending, names).items()},
        [
            FileOptions(file, [file.size_at(files)], {}, otherwise=files)
            for file in pending.dirty_files()
        ],
    )


def modes_at(pending: FileSystem, moment: Moment) -> dict[int, int]:
    """Return each pending mode as it was at a moment."""
    return {number: history.at(moment) for number, history in pending.modes.items()}


def count_files(options: list[FileOptions]) -> int:
    """Return in how many ways some files may be, or more than are counted."""
    total = 1
    for option in options:
        total *= option.count()
        if total > MOST_COUNTED_STATES:
            break
    return total
