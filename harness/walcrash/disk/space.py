"""The space of images at one crash position: how many cuts are legal, and each of them.

A cut says at which moment each entry, size and sector is. The number of cuts is exact where it
can be worked out without listing them; two cuts may have the same content, so there are at most
as many images. Listing all cuts is for small spaces, and for tests of the models.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from walcrash.disk.changes import pending_moments
from walcrash.disk.file_history import FileHistory
from walcrash.disk.models import (
    CrashState,
    FileState,
    Window,
    ext4_sector_window,
    ext4_size_window,
)
from walcrash.disk.names import EntryKey
from walcrash.disk.pending import Pending
from walcrash.values.contract import PersistenceModel
from walcrash.values.moments import STALE, Moment

# limits
MOST_COUNTED_STATES: Final = 10**18
"""Counting stops here; more is said as "at least"."""

MOST_TIED_STATES: Final = 4096
"""Most combinations of entries that renames tie to each other that are gone through."""

MOST_WORK: Final = 200_000
"""Most moments times sectors that are gone through to count the cuts of `ext4`."""


@dataclass(frozen=True, slots=True)
class Space:
    """How many cuts are legal: counted, or at least so many."""

    states: int
    is_counted: bool

    def __str__(self) -> str:
        """Return the form that reports use."""
        return f"{self.states}" if self.is_counted else f"at least {self.states}"


@dataclass(frozen=True, slots=True)
class _FileOptions:
    """The moments that a file's size, and each of its sectors, may have."""

    file: FileHistory
    sizes: list[Moment]
    sectors: Mapping[int, list[Moment]]

    def count(self) -> int:
        total = len(self.sizes)
        for moments in self.sectors.values():
            total *= len(moments)
            if total > MOST_COUNTED_STATES:
                break
        return total

    def states(self) -> Iterator[FileState]:
        for moment in self.sizes:
            size = self.file.size_at(moment)
            for chosen in product(*self.sectors.values()):
                yield FileState(size, moment, dict(zip(self.sectors, chosen, strict=True)))


def count_states(pending: Pending, model: PersistenceModel) -> Space:
    """Return how many cuts a model allows."""
    if model is PersistenceModel.KILL:
        return Space(1, is_counted=True)
    moments = _moments(pending, model)
    if model is PersistenceModel.ORDERED:
        return Space(len(moments), is_counted=True)
    if model is PersistenceModel.EXT4:
        return _count_ext4(pending, moments)
    return _count_posix(pending)


def every_state(pending: Pending, model: PersistenceModel) -> Iterator[CrashState]:
    """Yield every cut that a model allows; for small spaces."""
    if model is PersistenceModel.POSIX:
        names = list(_entry_moments(pending))
        yield from _states(pending, names, _posix_options(pending), list(_every_modes(pending)))
        return
    moments = [pending.now] if model is PersistenceModel.KILL else _moments(pending, model)
    for moment in moments:
        names = [dict.fromkeys(pending.names.pending, moment)]
        if model is PersistenceModel.EXT4:
            modes = [_modes_at(pending, moment)]
            yield from _states(pending, names, _ext4_options(pending, moment), modes)
        else:
            yield _even_state(pending, moment)


def _moments(pending: Pending, model: PersistenceModel) -> list[Moment]:
    """Return the moments that all names may be at, in order."""
    earliest = pending.barrier if model is PersistenceModel.ORDERED else pending.journal
    return [earliest, *(m for m in pending_moments(pending, model) if m > earliest)]


def _files(pending: Pending) -> Iterator[FileHistory]:
    for number in pending.dirty:
        file = pending.nodes[number]
        assert isinstance(file, FileHistory), "only files are dirty"
        yield file


def _even_state(pending: Pending, moment: Moment) -> CrashState:
    return CrashState(
        {key: name.at(moment) for key, name in pending.names.pending.items()},
        {file.number: FileState(file.size_at(moment), moment) for file in _files(pending)},
        _modes_at(pending, moment),
    )


def _modes_at(pending: Pending, moment: Moment) -> dict[int, int]:
    return {number: history.at(moment) for number, history in pending.modes.items()}


def _states(
    pending: Pending,
    names: list[dict[EntryKey, Moment]],
    options: list[_FileOptions],
    modes: list[dict[int, int]],
) -> Iterator[CrashState]:
    for moments in names:
        targets = {key: name.at(moments[key]) for key, name in pending.names.pending.items()}
        for chosen in product(*(list(option.states()) for option in options)):
            files = {
                option.file.number: state for option, state in zip(options, chosen, strict=True)
            }
            for chosen_modes in modes:
                yield CrashState(targets, files, chosen_modes)


def _inside(window: Window, moments: list[Moment]) -> list[Moment]:
    """Return the moments in a window that differ in what is there."""
    later = (moment for moment in moments if window.earliest < moment <= window.latest)
    return [window.earliest, *later]


# The ext4 model.


def _ext4_options(pending: Pending, names: Moment) -> list[_FileOptions]:
    return [
        _FileOptions(
            file,
            _inside(ext4_size_window(file, names), file.size_moments()),
            {
                sector: _inside(
                    ext4_sector_window(pending, file, sector, names), file.moments_of(sector)
                )
                for sector in file.pending_sectors()
            },
        )
        for file in _files(pending)
    ]


def _count_ext4(pending: Pending, moments: list[Moment]) -> Space:
    sectors = sum(len(file.pending_sectors()) for file in _files(pending))
    counted = moments[-max(1, MOST_WORK // max(1, sectors)) :]
    known = [(file, file.size_moments(), _moments_of(file)) for file in _files(pending)]
    total = 0
    for moment in counted:
        total += _count_ext4_at(pending, moment, known)
        if total > MOST_COUNTED_STATES:
            break
    return _space(total, is_counted=len(counted) == len(moments))


_Known = Sequence[tuple[FileHistory, list[Moment], Mapping[int, list[Moment]]]]
"""Files, each with when its size changed and when each of its sectors did."""


def _moments_of(file: FileHistory) -> dict[int, list[Moment]]:
    return {sector: file.moments_of(sector) for sector in file.pending_sectors()}


def _count_ext4_at(pending: Pending, names: Moment, known: _Known) -> int:
    """Return how many cuts there are with the names at one moment, or more than are counted."""
    total = 1
    for file, size_moments, sectors in known:
        total *= len(_inside(ext4_size_window(file, names), size_moments))
        for sector, moments in sectors.items():
            window = ext4_sector_window(pending, file, sector, names)
            total *= len(_inside(window, moments))
            if total > MOST_COUNTED_STATES:
                return total
    return total


# The posix model.


def _posix_options(pending: Pending) -> list[_FileOptions]:
    return [
        _FileOptions(
            file,
            [0, *file.size_moments()],
            {sector: _posix_moments(file, sector) for sector in file.pending_sectors()},
        )
        for file in _files(pending)
    ]


def _posix_moments(file: FileHistory, sector: int) -> list[Moment]:
    moments = [0, *file.moments_of(sector)]
    return [STALE, *moments] if file.may_be_stale(sector) else moments


def _entry_moments(pending: Pending) -> Iterator[dict[EntryKey, Moment]]:
    """Yield every way in which entries may be at moments of their own."""
    names = pending.names.pending
    together = {moment for key in pending.names.tied for moment, _ in names[key].changes}
    own = [
        [0, *(sorted(together) if key in pending.names.tied else (m for m, _ in name.changes))]
        for key, name in names.items()
    ]
    for chosen in product(*own):
        moments = dict(zip(names, chosen, strict=True))
        if pending.names.pulled_along(moments.get, names) == moments:
            yield moments


def _every_modes(pending: Pending) -> Iterator[dict[int, int]]:
    """Yield every way in which modes may be at moments of their own."""
    own = [
        [history.base, *(mode for _, mode in history.changes)] for history in pending.modes.values()
    ]
    for chosen in product(*own):
        yield dict(zip(pending.modes, chosen, strict=True))


def _count_posix(pending: Pending) -> Space:
    total = _product(_posix_options(pending))
    for history in pending.modes.values():
        total *= 1 + len(history.changes)
    names = pending.names
    bound = set(names.tied)
    bound.update(key for rename in names.renames for key in (rename.source, rename.target))
    combinations = 1
    for key, name in names.pending.items():
        if key in bound:
            combinations *= 1 + len(name.changes)
        else:
            total *= 1 + len(name.changes)
        if total > MOST_COUNTED_STATES:
            return _space(total, is_counted=False)
    if names.tied or combinations > MOST_TIED_STATES:
        moments = {
            m for key in bound if key in names.pending for m, _ in names.pending[key].changes
        }
        return _space(total * (1 + len(moments)), is_counted=not bound)
    return _space(total * _count_renamed(pending, bound), is_counted=True)


def _count_renamed(pending: Pending, bound: set[EntryKey]) -> int:
    names = pending.names
    keys = [key for key in names.pending if key in bound]
    own = [[0, *(moment for moment, _ in names.pending[key].changes)] for key in keys]
    count = 0
    for chosen in product(*own):
        moments = dict(zip(keys, chosen, strict=True))
        count += names.pulled_along(moments.get, keys) == moments
    return count


def _product(options: list[_FileOptions]) -> int:
    total = 1
    for option in options:
        total *= option.count()
        if total > MOST_COUNTED_STATES:
            break
    return total


def _space(total: int, *, is_counted: bool) -> Space:
    if total > MOST_COUNTED_STATES:
        return Space(MOST_COUNTED_STATES, is_counted=False)
    return Space(total, is_counted)
