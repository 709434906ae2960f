"""Fates: what an image keeps of each change that was pending, and what it has lost.

Of a change of content the fate is in its byte ranges, of a name whether the entry has come that
far. Of a size it follows from the image: the latest change that leaves that size counts as kept.

Not here: which images are legal (`models`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from walcrash.disk.changes import Change
from walcrash.disk.crash_state import CrashState, FileState
from walcrash.disk.drawing import drawn
from walcrash.disk.durability import SEPARATOR, merged, node_paths
from walcrash.disk.entries import EntryKey
from walcrash.disk.extents import END_OF_ALL_FILES, Extent
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.models import MODELS, resolve
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import STALE, part, sectors_of, split
from walcrash.values.story import Aspect, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFate:
    """What became of one aspect of one pending change; `event` counts as positions do."""

    event: int
    path: str
    aspect: Aspect
    is_kept: bool
    kept: tuple[Range, ...] = ()
    lost: tuple[Range, ...] = ()
    is_stale: bool = False


def change_fates(pending: FileSystem, choice: ImageChoice) -> list[ChangeFate]:
    """Return what an image makes of every pending change, in the order of the trace.

    Nothing of a tree that no model allows: then it is not known.
    """
    if choice.tree is not None:
        return []
    if choice.policy is Policy.DRAWN:
        choice = drawn(pending, choice)
    state = resolve(pending, choice)
    paths = node_paths(pending)
    model = MODELS[choice.model]
    moments, modes = model.entry_moments(pending, choice), model.mode_moments(pending, choice)
    fates: list[ChangeFate] = []
    for change in model.changes(pending):
        for key in change.names:
            is_kept = any(
                changed <= moments[key] and split(changed)[0] == change.event
                for changed, _ in pending.names.pending[key].changes
            )
            fates.append(_name_fate(change.event, key, paths, is_kept=is_kept))
        for number in change.modes:
            is_kept = modes[number] >= part(change.event, 1)
            fates.append(_mode_fate(change.event, paths.get(number, ""), is_kept=is_kept))
        fates += _file_fates(pending, state, change, paths)
    return fates


def _name_fate(event: int, key: EntryKey, paths: dict[int, str], *, is_kept: bool) -> ChangeFate:
    directory = paths.get(key[0], "?" + SEPARATOR)
    path = key[1] if directory == "." + SEPARATOR else f"{directory}{key[1]}"
    return ChangeFate(event=event, path=path, aspect=Aspect.NAME, is_kept=is_kept)


def _mode_fate(event: int, path: str, *, is_kept: bool) -> ChangeFate:
    return ChangeFate(event=event, path=path, aspect=Aspect.MODE, is_kept=is_kept)


def _file_fates(
    pending: FileSystem, state: CrashState, change: Change, paths: dict[int, str]
) -> Iterator[ChangeFate]:
    for number in dict.fromkeys([*change.sizes, *(run.file for run in change.runs)]):
        file = pending.nodes[number]
        assert isinstance(file, FileHistory), "only files have content"
        path, image = paths.get(number, ""), state.files[number]
        if number in change.sizes:
            kept = _sizes_kept(file, image.size)
            yield ChangeFate(
                event=change.event, path=path, aspect=Aspect.SIZE, is_kept=change.event in kept
            )
        for extent in file.extents:
            if extent.event == change.event and extent.end < END_OF_ALL_FILES:
                yield _data_fate(extent, image, path, pending.sector_bytes)
            elif extent.event == change.event:
                fate = _truncation_fate(extent, file, image, path, pending.sector_bytes)
                if fate.kept:
                    yield fate


def _truncation_fate(
    extent: Extent, file: FileHistory, image: FileState, path: str, sector_bytes: int
) -> ChangeFate:
    """Return where an image shows zeros in place of what a truncation took.

    The image may have lost the truncation's size, or have a later one that is larger: then the
    zeros can be seen. Where they are not there, the size says all.
    """
    before = next((each.size_before for each in file.sizes if each.event == extent.event), 0)
    shown = replace(extent, end=min(before, image.size))
    fate = _data_fate(shown, image, path, sector_bytes)
    return replace(fate, is_kept=True, lost=(), is_stale=False)


def _sizes_kept(file: FileHistory, size: int) -> set[int]:
    """Return the events whose change of size is behind the size that the image has."""
    for at in range(len(file.sizes), 0, -1):
        if file.sizes[at - 1].size == size:
            return {change.event for change in file.sizes[:at]}
    # Between two sizes: a write that has grown the file in part.
    for at in range(len(file.sizes), 0, -1):
        if file.sizes[at - 1].size_before < size < file.sizes[at - 1].size:
            return {change.event for change in file.sizes[: at - 1]}
    return set()


def _data_fate(extent: Extent, image: FileState, path: str, sector_bytes: int) -> ChangeFate:
    kept: list[Range] = []
    lost: list[Range] = []
    is_stale = False
    for sector in sectors_of(extent.start, extent.end, sector_bytes):
        start = max(extent.start, sector * sector_bytes)
        end = min(extent.end, (sector + 1) * sector_bytes)
        moment = image.special.get(sector, image.moment)
        is_there = moment >= extent.moment(sector, sector_bytes)
        is_stale |= moment == STALE and image.size > start
        reached = max(start, min(end, image.size)) if is_there else start
        kept.append((start, reached))
        lost.append((reached, end))
    return ChangeFate(
        event=extent.event,
        path=path,
        aspect=Aspect.DATA,
        is_kept=not merged(lost),
        kept=merged(kept),
        lost=merged(lost),
        is_stale=is_stale,
    )
