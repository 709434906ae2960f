"""The model `ext4`: names in the order of the journal, content of any moment since its last sync.

All names and modes are at one moment, at or after the last one that a sync has waited for. Sizes
that were set, and truncations, are at that moment too. Growth by writes may be missing, unless a
rename, a close or an allocation that the image has came after it. Content is of any moment since
its last sync, but never from before a truncation that the image has, or from after one that it
does not have; only the block in which a truncation ends is written like any other.

Not here: when blocks are allocated and the journal is committed (`pending`, `file_history`).

Source: `harness/walcrash/docs/reference/models/ext4.md`.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from walcrash.disk.blocks_of_file import covers_block, is_empty_durably, is_written
from walcrash.disk.changes import Change
from walcrash.disk.crash_state import FileState, Window
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.held import held_sectors, held_size
from walcrash.disk.model import Sought
from walcrash.disk.one_moment import NamesAtOneMoment
from walcrash.disk.sizes import allowed_sizes, reached_size
from walcrash.disk.space import (
    MOST_COUNTED_STATES,
    Arrangement,
    FileOptions,
    SectorOptions,
    Space,
    modes_at,
)
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Held, ImageChoice, Policy
from walcrash.values.moments import Moment, after, before, part

# limits
MOST_WORK: Final = 200_000
"""Most moments times sectors that are gone through to count crash states."""

_Known = Sequence[tuple[FileHistory, SectorOptions]]
"""Files, each with when each of its sectors changed."""


class Ext4Model(NamesAtOneMoment):
    """data=ordered with delayed allocation."""

    name = PersistenceModel.EXT4
    policies = tuple(
        policy for policy in Policy if policy not in (Policy.GROWN_STALE, Policy.BOTH_NAMES)
    )

    def names_mark(self, pending: FileSystem) -> Moment:
        """Return up to where a sync has waited for the journal."""
        return pending.journal

    def files_mark(self, pending: FileSystem) -> Moment:
        """Return the start: a commit makes no content durable."""
        del pending
        return 0

    def names_with(self, change: Change) -> Moment | None:
        """Return the change itself: growth is in the journal, behind names that came before it.

        A name is kept with all names before it and lost with all after it.
        """
        return None if change.names else after(change.event)

    def moments(self, pending: FileSystem) -> list[Moment]:
        """Return the moments that all names may be at, and those of sizes that follow blocks."""
        moments = super().moments(pending)
        promised = {promise.moment for file in pending.dirty_files() for promise in file.promised}
        return sorted({*moments, *(moment for moment in promised if moment > moments[0])})

    # Windows.

    def sizes(self, file: FileHistory, names: Moment) -> list[int]:
        """Return the sizes in bytes: since one was set, not after the names, not below a promise.

        The growth that the journal has is what was allocated until then, and no more.
        """
        window = self.size_window(file, names)
        return allowed_sizes(file, window, _promised_size(file, window))

    def size_window(self, file: FileHistory, names: Moment) -> Window:
        """Return the window of a size: since it was set, not after the names."""
        earliest = 0
        for change in file.sizes:
            if change.is_explicit and before(change.event) < names:
                earliest = part(change.event, 1)
        return Window(earliest, max(names, earliest))

    def sector_window(
        self, pending: FileSystem, file: FileHistory, sector: int, names: Moment
    ) -> Window:
        """Return the window of a sector: between truncations that the image has and has not.

        Inside the block in which a truncation or a hole ends, zeros are written like data: they
        may be there without it, and are there with it, unless the block is not allocated.
        """
        block = file.block_of(sector)
        earliest, latest, hole = file.durable_since.get(sector, 0), pending.now, None
        is_hole = False if earliest else None
        for extent in file.past_of(sector):
            if not extent.is_whole:
                continue
            moment = extent.moment(sector, pending.sector_bytes)
            is_edge = not covers_block(file, extent, block)
            if moment <= names:
                if is_hole is None and is_edge:
                    is_hole = is_empty_durably(file, block)
                if not is_edge:
                    is_hole, hole = True, None
                elif is_hole:
                    is_hole, hole = False, earliest
                earliest = max(earliest, moment)
            elif not is_edge and not (extent.keeps_blocks and is_written(file, block, moment)):
                latest = min(latest, moment - 1)
        return Window(earliest, max(latest, earliest), hole)

    # From a choice to the nearest crash state.

    def file_state(
        self, pending: FileSystem, choice: ImageChoice, file: FileHistory, held: list[Held]
    ) -> FileState:
        """Return size and sectors, each at the moment in its window that is nearest."""
        names = self.names_moment(pending, choice)
        moment, asked_size = choice.files, held_size(held, choice.files)
        window = self.size_window(file, names)
        reached = window.nearest(asked_size.moment)
        size = max(file.size_at(reached), _promised_size(file, window))
        if asked_size.end:
            size = reached_size(file, reached, asked_size.end, self.sizes(file, names))
        asked = held_sectors(file, held)
        is_plain = not (file.durable_since or file.failed or file.has_map_changes)
        special: dict[int, Moment] = {}
        for sector in asked if is_plain else file.pending_sectors():
            allowed = self.sector_window(pending, file, sector, names)
            at = allowed.nearest(asked.get(sector, choice.files))
            if at != moment:
                special[sector] = at
        return FileState(size, moment, special)

    # All crash states.

    def count(self, pending: FileSystem) -> Space:
        """Return how many there are; at least so many, where that is too much work."""
        moments, files = self.moments(pending), pending.dirty_files()
        sectors = sum(len(file.pending_sectors()) for file in files)
        counted = moments[-max(1, MOST_WORK // max(1, sectors)) :]
        known = [(file, SectorOptions(file, file.moments_of)) for file in files]
        total = 0
        # Behind the last changes there are most, so that the count is often over at once.
        for moment in reversed(counted):
            total += self._count_at(pending, moment, known)
            if total > MOST_COUNTED_STATES:
                break
        return Space.of(total, is_counted=len(counted) == len(moments))

    def _count_at(self, pending: FileSystem, names: Moment, known: _Known) -> int:
        """Return how many there are with the names at one moment, or more than are counted."""
        total = 1
        for file, sectors in known:
            total *= len(self.sizes(file, names))
            for sector, moments in sectors.items():
                total *= len(self.sector_window(pending, file, sector, names).inside(moments))
                if total > MOST_COUNTED_STATES:
                    return total
        return total

    def arrangements(
        self, pending: FileSystem, *, is_sought: Sought | None = None
    ) -> Iterator[Arrangement]:
        """Yield the names at each moment, every size and sector in its window."""
        del is_sought
        for moment in self.moments(pending):
            yield Arrangement(
                dict.fromkeys(pending.names.pending, moment),
                {number: [mode] for number, mode in modes_at(pending, moment).items()},
                self._options(pending, moment),
            )

    def _options(self, pending: FileSystem, names: Moment) -> list[FileOptions]:
        return [
            FileOptions(
                file,
                self.sizes(file, names),
                SectorOptions(file, partial(self._sector_moments, pending, file, names)),
            )
            for file in pending.dirty_files()
        ]

    def _sector_moments(
        self, pending: FileSystem, file: FileHistory, names: Moment, sector: int
    ) -> list[Moment]:
        window = self.sector_window(pending, file, sector, names)
        return window.inside(file.moments_of(sector))


def _promised_size(file: FileHistory, window: Window) -> int:
    """Return the size that the disk has at least, since blocks were allocated; 0 if none were."""
    sizes = (
        promise.size
        for promise in file.promised
        if promise.is_certain and window.earliest <= promise.moment <= window.latest
    )
    return max(sizes, default=0)
