"""The space of crash states at one position: how many are legal, and each of them.

A crash state says at which moment each entry, size and sector is. The number is exact where it
can be worked out without listing them; two crash states may have the same content, so there are
at most as many images.

Not here: which moments a model allows (`model`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from walcrash.disk.crash_state import CrashState, FileState
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.names import EntryKey
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


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The moments that a file's size, and each of its sectors, may have."""

    file: FileHistory
    sizes: list[Moment]
    sectors: Mapping[int, list[Moment]]

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
        for moment in self.sizes:
            size = self.file.size_at(moment)
            for chosen in product(*self.sectors.values()):
                yield FileState(size, moment, dict(zip(self.sectors, chosen, strict=True)))


def combined(
    pending: FileSystem,
    names: Iterable[Mapping[EntryKey, Moment]],
    options: list[FileOptions],
    modes: list[dict[int, int]],
) -> Iterator[CrashState]:
    """Yield each combination of the ways in which names, files and modes may be."""
    for moments in names:
        targets = {key: name.at(moments[key]) for key, name in pending.names.pending.items()}
        for chosen in product(*(list(option.states()) for option in options)):
            files = {
                option.file.number: state for option, state in zip(options, chosen, strict=True)
            }
            for chosen_modes in modes:
                yield CrashState(targets, files, chosen_modes)


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
