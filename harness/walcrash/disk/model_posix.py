"""The model `posix`: whatever no completed sync forbids.

Every entry, mode, size and sector is at any moment since it was last synced; space that a file
has newly grown into may hold stale bytes.

Not here: what ties entries to each other (`names`).

Source: `harness/walcrash/docs/reference/models/posix.md`.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from walcrash.disk.crash_state import CrashState, FileState
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem, Past
from walcrash.disk.held import held_sectors, held_size
from walcrash.disk.model import DiskModel
from walcrash.disk.names import EntryKey
from walcrash.disk.space import MOST_COUNTED_STATES, FileOptions, Space, combined, count_files
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
        moment = min(choice.files, pending.now)
        size = min(held_size(held, choice.files), pending.now)
        special = {sector: since for sector, since in file.durable_since.items() if since > moment}
        for sector, asked in held_sectors(file, held).items():
            if asked == STALE and not file.may_be_stale(sector):
                special[sector] = file.durable_since.get(sector, 0)
            else:
                special[sector] = asked
        return FileState(file.size_at(size), moment, special)

    # All crash states.

    def count(self, pending: FileSystem) -> Space:
        """Return how many there are; at least so many, where entries are tied to each other."""
        total = count_files(_options(pending))
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
                return Space.of(total)
        if names.tied or combinations > MOST_TIED_STATES:
            moments = {
                m for key in bound if key in names.pending for m, _ in names.pending[key].changes
            }
            return Space.of(total * (1 + len(moments)), is_counted=not bound)
        return Space.of(total * _count_renamed(pending, bound))

    def states(self, pending: FileSystem) -> Iterator[CrashState]:
        """Yield each combination of names, files and modes."""
        names = list(_entry_moments(pending))
        yield from combined(pending, names, _options(pending), list(_every_modes(pending)))


def _options(pending: FileSystem) -> list[FileOptions]:
    return [
        FileOptions(
            file,
            [0, *file.size_moments()],
            {sector: _sector_moments(file, sector) for sector in file.pending_sectors()},
        )
        for file in pending.dirty_files()
    ]


def _sector_moments(file: FileHistory, sector: int) -> list[Moment]:
    moments = [0, *file.moments_of(sector)]
    return [STALE, *moments] if file.may_be_stale(sector) else moments


def _entry_moments(pending: FileSystem) -> Iterator[dict[EntryKey, Moment]]:
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


def _every_modes(pending: FileSystem) -> Iterator[dict[int, int]]:
    """Yield every way in which modes may be at moments of their own."""
    own = [
        [history.base, *(mode for _, mode in history.changes)] for history in pending.modes.values()
    ]
    for chosen in product(*own):
        yield dict(zip(pending.modes, chosen, strict=True))


def _count_renamed(pending: FileSystem, bound: set[EntryKey]) -> int:
    names = pending.names
    keys = [key for key in names.pending if key in bound]
    own = [[0, *(moment for moment, _ in names.pending[key].changes)] for key in keys]
    count = 0
    for chosen in product(*own):
        moments = dict(zip(keys, chosen, strict=True))
        count += names.pulled_along(moments.get, keys) == moments
    return count
