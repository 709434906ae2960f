"""The model `posix`: whatever no completed sync forbids.

Every entry, mode, size and sector is at any moment since it was last synced; space that a file
has newly grown into may hold stale bytes.

Not here: what ties entries to each other (`names`).

Source: `harness/walcrash/docs/reference/models/posix.md`.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Final

from walcrash.disk.crash_state import FileState, Window
from walcrash.disk.entries import EntryKey, Name
from walcrash.disk.extents import round_up
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem, Past
from walcrash.disk.held import held_sectors, held_size
from walcrash.disk.model import DiskModel, Sought
from walcrash.disk.names import Names
from walcrash.disk.sizes import allowed_sizes, reached_size
from walcrash.disk.space import (
    MOST_COUNTED_STATES,
    Arrangement,
    FileOptions,
    SectorOptions,
    Space,
    count_files,
)
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import STALE, Moment

# limits
MOST_TIED_STATES: Final = 4096
"""Most combinations of entries that renames tie to each other that are gone through."""


class PosixModel(DiskModel):
    """Any subset of the changes that are not synced."""

    name = PersistenceModel.POSIX
    policies = tuple(Policy)
    needs = frozenset(Past)
    ties_names = False
    shows_stale_bytes = True

    def names_mark(self, pending: FileSystem) -> Moment:
        """Return the start: a name is certain only where its directory was synced."""
        del pending
        return 0

    def files_mark(self, pending: FileSystem) -> Moment:
        """Return the start: content is certain only where its file was synced."""
        del pending
        return 0

    # From a choice to the nearest crash state.

    def entry_moments(self, pending: FileSystem, choice: ImageChoice) -> Mapping[EntryKey, Moment]:
        """Return each entry's moment, with the entries that others pull along."""
        held = {(h.node, h.name): h.moment for h in choice.held if h.kind is HeldKind.NAME}

        def asked(key: EntryKey) -> Moment:
            return min(held.get(key, choice.names), pending.now)

        return pending.names.pulled_along(asked, pending.names.pending)

    def mode_moments(self, pending: FileSystem, choice: ImageChoice) -> Mapping[int, Moment]:
        """Return each mode's moment."""
        held = {one.node: one.moment for one in choice.held if one.kind is HeldKind.MODE}
        return {
            number: min(held.get(number, choice.names), pending.now) for number in pending.modes
        }

    def file_state(
        self, pending: FileSystem, choice: ImageChoice, file: FileHistory, held: list[Held]
    ) -> FileState:
        """Return size and sectors, each at the moment that is asked for."""
        file = _weakest(file)
        moment = min(choice.files, pending.now)
        asked_size = held_size(held, choice.files)
        reached = min(asked_size.moment, pending.now)
        size = file.size_at(reached)
        if not reached and file.sure_size is not None:
            size = file.sure_size
        if asked_size.end:
            size = reached_size(file, reached, asked_size.end, _sizes(pending, file))
        special = {sector: since for sector, since in file.durable_since.items() if since > moment}
        for sector, asked in held_sectors(file, held).items():
            if asked == STALE and not file.may_be_stale(sector):
                special[sector] = file.durable_since.get(sector, 0)
            else:
                special[sector] = asked
        return FileState(size, moment, special, file.is_without_syncs)

    # All crash states.

    def count(self, pending: FileSystem) -> Space:
        """Return how many there are; at least so many, where entries are tied to each other."""
        total = count_files(_options(pending))
        for history in pending.modes.values():
            total *= 1 + len(history.changes)
        names = pending.names
        bound = set(names.tied)
        bound.update(key for rename in names.renames for key in (rename.source, rename.target))
        if names.moves_between_directories:
            bound.update(
                key for key, name in names.pending.items() if _is_of_directory(name, names)
            )
        combinations = 1
        for key, name in names.pending.items():
            if key in bound:
                combinations *= 1 + len(name.changes)
            else:
                total *= 1 + len(name.changes)
            if total > MOST_COUNTED_STATES:
                return Space.of(total)
        if names.tied or combinations > MOST_TIED_STATES:
            moments = {
                m for key in bound if key in names.pending for m in names.pending[key].moments()
            }
            return Space.of(total * (1 + len(moments)), is_counted=not bound)
        return Space.of(total * _count_renamed(pending, bound))

    def arrangements(
        self, pending: FileSystem, *, is_sought: Sought | None = None
    ) -> Iterator[Arrangement]:
        """Yield each combination of names; files and modes are the same with all of them."""
        files = _options(pending)
        modes = {
            number: [history.base, *(mode for _, mode in history.changes)]
            for number, history in pending.modes.items()
        }
        for entries in _entry_moments(pending, is_sought or _anything):
            yield Arrangement(entries, modes, files)


def _anything(key: EntryKey, moment: Moment) -> bool:
    del key, moment
    return True


def _options(pending: FileSystem) -> list[FileOptions]:
    return [
        FileOptions(
            file,
            _sizes(pending, file),
            SectorOptions(file, partial(_sector_moments, file)),
        )
        for file in map(_weakest, pending.dirty_files())
    ]


def _weakest(file: FileHistory) -> FileHistory:
    return file if file.without_syncs is None else file.without_syncs


def _sizes(pending: FileSystem, file: FileHistory) -> list[int]:
    sizes = allowed_sizes(file, Window(0, pending.now))
    if file.sure_size is None:
        return sizes
    # Blocks that were lost to a failed sync: those of them that were written have moved the size.
    ends = range(file.sure_size, file.base_size, file.block_bytes)
    rounded = (min(round_up(end, file.block_bytes), file.base_size) for end in ends)
    return sorted({file.sure_size, *rounded, *sizes})


def _sector_moments(file: FileHistory, sector: int) -> list[Moment]:
    moments = [0, *file.moments_of(sector)]
    return [STALE, *moments] if file.may_be_stale(sector) else moments


def _entry_moments(pending: FileSystem, is_sought: Sought) -> Iterator[dict[EntryKey, Moment]]:
    """Yield every way in which entries may be at moments of their own."""
    names = pending.names.pending
    together = sorted({m for key in pending.names.tied for m, _ in names[key].changes})
    own = [
        [
            moment
            for moment in (0, *(together if key in pending.names.tied else name.moments()))
            if is_sought(key, moment)
        ]
        for key, name in names.items()
    ]
    for chosen in product(*own):
        moments = dict(zip(names, chosen, strict=True))
        if pending.names.pulled_along(moments.get, names) == moments:
            yield moments


def _is_of_directory(name: Name, names: Names) -> bool:
    return any(target in names.directories for target in (name.base, *dict(name.changes).values()))


def _count_renamed(pending: FileSystem, bound: set[EntryKey]) -> int:
    names = pending.names
    keys = [key for key in names.pending if key in bound]
    own = [[0, *names.pending[key].moments()] for key in keys]
    count = 0
    for chosen in product(*own):
        moments = dict(zip(keys, chosen, strict=True))
        count += names.pulled_along(moments.get, keys) == moments
    return count
