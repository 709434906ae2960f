"""Persistence models: which moments of names, sizes and sectors an image may mix.

Each model gives every entry, size and sector a window of moments, and takes what a choice asks
for to the nearest moment inside it.

- `kill`: everything is as memory has it.
- `ordered`: everything is at one moment, at or after the last sync.
- `ext4`: all names and modes are at one moment, at or after the last commit of the journal. Sizes
  that were set, and cuts, are at that moment too; growth by writes may be missing, unless a rename
  or a close that is there came after it and gave it its blocks; content is of any moment since its
  last sync, but never from before a cut that is there or after one that is not.
- `posix`: every entry, mode, size and sector is at any moment since it was last synced; space that
  a file has newly grown into may hold stale bytes. What ties entries is in `names`.

A window of a stricter model lies within that of each weaker one.

Source: `harness/walcrash/docs/reference/models/`, a page for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from walcrash.disk.file_history import FileHistory
from walcrash.disk.names import EntryKey
from walcrash.disk.pending import Pending
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Held, HeldKind, ImageChoice
from walcrash.values.moments import STALE, Moment, before

WEAKER_FIRST = tuple(reversed(PersistenceModel))
"""The models from weak to strict."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What of a file an image has: its size, and the moment of its content.

    `special` is for the sectors that are of another moment.
    """

    size: int
    moment: Moment
    special: Mapping[int, Moment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CrashState:
    """One legal image: what each entry leads to, and what each file with pending changes has.

    `modes` are those of files and directories whose mode has pending changes.
    """

    targets: Mapping[EntryKey, int | None]
    files: Mapping[int, FileState]
    modes: Mapping[int, int]


def resolve(pending: Pending, choice: ImageChoice) -> CrashState:
    """Return the legal cut that is nearest to a choice."""
    assert _is_allowed(pending, choice.model), "the pending model has forgotten what this one needs"
    moments = entry_moments(pending, choice)
    targets = {key: name.at(moments[key]) for key, name in pending.names.pending.items()}
    held = _held_by_file(choice)
    files = {}
    for number in pending.dirty:
        file = pending.nodes[number]
        assert isinstance(file, FileHistory), "only files are dirty"
        files[number] = file_state(pending, choice, file, held.get(number, []))
    reached = mode_moments(pending, choice)
    modes = {number: history.at(reached[number]) for number, history in pending.modes.items()}
    return CrashState(targets, files, modes)


def _is_allowed(pending: Pending, model: PersistenceModel) -> bool:
    return WEAKER_FIRST.index(model) >= WEAKER_FIRST.index(pending.weakest)


def names_moment(pending: Pending, choice: ImageChoice) -> Moment:
    """Return the one moment of all names, in the models that have one."""
    if choice.model is PersistenceModel.KILL:
        return pending.now
    earliest = pending.barrier if choice.model is PersistenceModel.ORDERED else pending.journal
    return min(max(choice.names, earliest), pending.now)


def entry_moments(pending: Pending, choice: ImageChoice) -> Mapping[EntryKey, Moment]:
    """Return the moment of each entry with pending changes."""
    if choice.model is not PersistenceModel.POSIX:
        return dict.fromkeys(pending.names.pending, names_moment(pending, choice))
    held = {(h.node, h.name): h.moment for h in choice.held if h.kind is HeldKind.NAME}

    def asked(key: EntryKey) -> Moment:
        return min(held.get(key, choice.names), pending.now)

    return pending.names.pulled_along(asked, pending.names.pending)


def mode_moments(pending: Pending, choice: ImageChoice) -> Mapping[int, Moment]:
    """Return the moment of each mode with pending changes, by the file or directory."""
    if choice.model is not PersistenceModel.POSIX:
        return dict.fromkeys(pending.modes, names_moment(pending, choice))
    held = {one.node: one.moment for one in choice.held if one.kind is HeldKind.MODE}
    return {number: min(held.get(number, choice.names), pending.now) for number in pending.modes}


def _held_by_file(choice: ImageChoice) -> dict[int, list[Held]]:
    by_file: dict[int, list[Held]] = {}
    for held in choice.held:
        if held.kind in (HeldKind.SIZE, HeldKind.SECTORS):
            by_file.setdefault(held.node, []).append(held)
    return by_file


def file_state(
    pending: Pending, choice: ImageChoice, file: FileHistory, held: list[Held]
) -> FileState:
    """Return what an image has of one file with pending changes."""
    if choice.model is PersistenceModel.POSIX:
        return _posix_state(pending, choice, file, held)
    moment = names_moment(pending, choice)
    if choice.model is PersistenceModel.EXT4:
        return _ext4_state(pending, choice, file, held, moment)
    return FileState(file.size_at(moment), moment)


def _posix_state(
    pending: Pending, choice: ImageChoice, file: FileHistory, held: list[Held]
) -> FileState:
    moment = min(choice.files, pending.now)
    size = min(_held_size(held, choice.files), pending.now)
    special = {sector: since for sector, since in file.durable_since.items() if since > moment}
    for sector, asked in _held_sectors(file, held).items():
        if asked == STALE and not file.may_be_stale(sector):
            special[sector] = file.durable_since.get(sector, 0)
        else:
            special[sector] = asked
    return FileState(file.size_at(size), moment, special)


def _held_size(held: list[Held], otherwise: Moment) -> Moment:
    for one in reversed(held):
        if one.kind is HeldKind.SIZE:
            return one.moment
    return otherwise


def _held_sectors(file: FileHistory, held: list[Held]) -> dict[int, Moment]:
    moments: dict[int, Moment] = {}
    past = file.pending_sectors() if held else {}
    for one in held:
        if one.kind is HeldKind.SECTORS:
            run = range(one.first, one.end)
            # Whichever is shorter is gone through: a stored choice may name any number.
            fewer, more = (run, past) if one.end - one.first < len(past) else (past, run)
            inside = [sector for sector in fewer if sector in more]
            moments.update(dict.fromkeys(inside, one.moment))
    return moments


@dataclass(frozen=True, slots=True)
class Window:
    """The moments that something may be at, both ends included."""

    earliest: Moment
    latest: Moment

    def nearest(self, asked: Moment) -> Moment:
        """Return the moment inside that is nearest to one asked for."""
        return min(max(asked, self.earliest), self.latest)


def _ext4_state(
    pending: Pending, choice: ImageChoice, file: FileHistory, held: list[Held], names: Moment
) -> FileState:
    asked_size = _held_size(held, choice.files)
    size = file.size_at(ext4_size_window(file, names).nearest(asked_size))
    moment = choice.files
    asked = _held_sectors(file, held)
    is_plain = not (file.durable_since or file.failed or any(o.is_whole for o in file.extents))
    special: dict[int, Moment] = {}
    for sector in asked if is_plain else file.pending_sectors():
        allowed = ext4_sector_window(pending, file, sector, names)
        at = allowed.nearest(asked.get(sector, choice.files))
        if at != moment:
            special[sector] = at
    return FileState(size, moment, special)


def ext4_size_window(file: FileHistory, names: Moment) -> Window:
    """Return the window of a size: since it was last set or given blocks, not after the names."""
    earliest = max((moment for moment in file.allocated_at if moment <= names), default=0)
    for change in file.sizes:
        if change.is_explicit and before(change.event) < names:
            earliest = max(earliest, before(change.event) + 1)
    return Window(earliest, max(names, earliest))


def ext4_sector_window(pending: Pending, file: FileHistory, sector: int, names: Moment) -> Window:
    """Return the window of a sector: between the cuts that are there and those that are not."""
    start = sector * pending.sector_bytes
    earliest = file.durable_since.get(sector, 0)
    latest = pending.now
    for extent in file.past_of(sector):
        if not extent.is_whole:
            continue
        moment = extent.moment(sector, pending.sector_bytes)
        if moment <= names:
            earliest = max(earliest, moment)
        elif extent.start <= start and start + pending.sector_bytes <= extent.end:
            latest = min(latest, moment - 1)
    return Window(earliest, max(latest, earliest))
