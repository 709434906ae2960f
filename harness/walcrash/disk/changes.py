"""Pending changes by event, in the order of the trace: names, modes, sizes and sectors.

Not here: which of them a model may still take away (`model`).
"""

from dataclasses import dataclass, field

from walcrash.disk.entries import EntryKey
from walcrash.disk.extents import Extent, round_up
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.values.image_choice import Held, HeldKind
from walcrash.values.moments import Moment, after, before, sectors_of, split


@dataclass(frozen=True, slots=True)
class SectorRun:
    """Sectors of one file that one event changed; `is_torn` if they may be there in part.

    Where a piece of a write is all that is pending, `parts_before` of its parts came before.
    """

    file: int
    first: int
    end: int
    is_torn: bool
    parts_before: int = 0

    def held_at(self, moment: Moment, *, first: int = -1, end: int = -1) -> Held:
        """Return the run, or a part of it, held at a moment."""
        return Held(
            kind=HeldKind.SECTORS,
            node=self.file,
            moment=moment,
            first=self.first if first < 0 else first,
            end=self.end if end < 0 else end,
        )


@dataclass(slots=True)
class Change:
    """What one event has changed that is still pending.

    Attributes:
        event: its position in the trace.
        names: the entries that it changed.
        modes: the files and directories whose mode it changed.
        sizes: the files whose size it changed.
        last_sizes: those of them whose size did not change again.
        runs: the sectors that it changed.
        ends: up to which byte its blocks reach, in files whose size it did not change.
        other_ends: the same for later changes of the files in `last_sizes`.
    """

    event: int
    names: list[EntryKey] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    last_sizes: list[int] = field(default_factory=list)
    runs: list[SectorRun] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    other_ends: dict[int, int] = field(default_factory=dict)

    @property
    def parts(self) -> int:
        """How many parts it has."""
        torn = (run for run in self.runs if run.is_torn)
        return max([1, *(run.parts_before + run.end - run.first for run in torn)])

    def undone(self) -> tuple[Held, ...]:
        """Return what is held where just this change is lost, and what is on top of it."""
        moment = before(self.event)
        sizes = [_size(file, moment, self.other_ends.get(file, 0)) for file in self.last_sizes]
        return self._held(moment, sizes)

    def kept(self) -> tuple[Held, ...]:
        """Return what is held where just this change is kept, and what is below it."""
        moment = after(self.event)
        sizes = [_size(file, moment) for file in self.sizes]
        sizes += [_size(file, 0, end) for file, end in self.ends.items()]
        return self._held(moment, sizes)

    def _held(self, moment: Moment, sizes: list[Held]) -> tuple[Held, ...]:
        return (
            *(Held(kind=HeldKind.NAME, node=d, name=n, moment=moment) for d, n in self.names),
            *(Held(kind=HeldKind.MODE, node=node, moment=moment) for node in self.modes),
            *sizes,
            *(run.held_at(moment) for run in self.runs),
        )


def _size(file: int, moment: Moment, end: int = 0) -> Held:
    return Held(kind=HeldKind.SIZE, node=file, moment=moment, end=end)


def every_change(pending: FileSystem) -> list[Change]:
    """Return all pending changes, in the order of the trace."""
    changes: dict[int, Change] = {}
    for key, name in pending.names.pending.items():
        for moment, _ in name.changes:
            event = split(moment)[0]
            changes.setdefault(event, Change(event)).names.append(key)
    for number, history in pending.modes.items():
        for moment, _ in history.changes:
            event = split(moment)[0]
            changes.setdefault(event, Change(event)).modes.append(number)
    for file in pending.dirty_files():
        _add_file(file, changes, pending.sector_bytes)
    return [changes[event] for event in sorted(changes)]


def _add_file(file: FileHistory, changes: dict[int, Change], sector_bytes: int) -> None:
    for size in file.sizes:
        change = changes.setdefault(size.event, Change(size.event))
        if file.number not in change.sizes:
            change.sizes.append(file.number)
    if file.sizes:
        changes[file.sizes[-1].event].last_sizes.append(file.number)
    reach = file.reach()
    for extent in file.extents:
        run = _run(file, extent, reach, sector_bytes)
        if run.end > run.first:
            changes.setdefault(extent.event, Change(extent.event)).runs.append(run)
            _add_end(file, extent, changes)


def _add_end(file: FileHistory, extent: Extent, changes: dict[int, Change]) -> None:
    """Note where the blocks of a write end, by which the size on the disk may follow."""
    if extent.is_whole or not file.sizes:
        return
    change, last = changes[extent.event], file.sizes[-1].event
    end = round_up(extent.end, file.block_bytes)
    if file.number not in change.sizes and end > file.base_size:
        change.ends[file.number] = max(end, change.ends.get(file.number, 0))
    if extent.event > last:
        others = changes[last].other_ends
        others[file.number] = max(end, others.get(file.number, 0))


def _run(file: FileHistory, extent: Extent, reach: int, sector_bytes: int) -> SectorRun:
    sectors = sectors_of(extent.start, min(extent.end, reach), sector_bytes)
    is_torn = not extent.is_whole
    return SectorRun(file.number, sectors.start, sectors.stop, is_torn, extent.parts_before)
