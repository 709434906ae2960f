"""How durable every name is, and which bytes of each file are pending.

This is for people: byte ranges and paths, and not moments and nodes.

Not here: what a persistence model may take away of it (`models`), what an image kept (`fates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from walcrash.disk.entries import ROOT, Name
from walcrash.disk.extents import Extent
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.values.moments import sectors_of
from walcrash.values.story import Durability, Range

SEPARATOR = "/"
"""Ends the path of a directory."""


@dataclass(frozen=True, slots=True)
class NameState:
    """One name: its durability, and what it leads to; of a directory there are no bytes."""

    durability: Durability
    size: int = 0
    durable_size: int = 0
    pending: tuple[Range, ...] = ()


def name_states(pending: FileSystem) -> dict[str, NameState]:
    """Return every name that memory or the disk has, in the order of the paths."""
    return {path: _state(pending, name, number) for path, name, number in _walk(pending, ROOT, "")}


def node_paths(pending: FileSystem) -> dict[int, str]:
    """Return one path for each file and directory that has a name, in memory or on the disk."""
    paths: dict[int, str] = {ROOT: "." + SEPARATOR}
    for path, name, number in _walk(pending, ROOT, ""):
        paths.setdefault(number, path)
        if name.current is None:
            continue
        # A name that is there goes before one that is gone.
        if pending.names.find(paths[number].rstrip(SEPARATOR)) != number:
            paths[number] = path
    return paths


def _walk(pending: FileSystem, directory: int, inside: str) -> Iterator[tuple[str, Name, int]]:
    """Yield path, entry and what it leads to: in memory, or else durably."""
    for text, name in sorted(pending.names.directories[directory].items()):
        number = name.base if name.current is None else name.current
        if number is None:
            continue
        is_directory = number in pending.names.directories
        path = f"{inside}{text}{SEPARATOR if is_directory else ''}"
        yield path, name, number
        if is_directory:
            yield from _walk(pending, number, path)


def _state(pending: FileSystem, name: Name, number: int) -> NameState:
    durability = _durability(name)
    node = pending.nodes.get(number)
    if not isinstance(node, FileHistory):
        return NameState(durability)
    return NameState(durability, node.size, node.base_size, pending_ranges(node, pending))


def _durability(name: Name) -> Durability:
    if name.current == name.base:
        return Durability.DURABLE
    if name.current is None:
        return Durability.REMOVED
    return Durability.NEW if name.base is None else Durability.REPLACED


def pending_ranges(file: FileHistory, pending: FileSystem) -> tuple[Range, ...]:
    """Return the ranges of bytes that were changed and are not durable, in order, merged."""
    reach = file.reach()
    ranges = [
        part
        for extent in file.extents
        for part in _open_parts(file, extent, reach, pending.sector_bytes)
    ]
    return merged(ranges)


def _open_parts(
    file: FileHistory, extent: Extent, reach: int, sector_bytes: int
) -> Iterator[Range]:
    """Yield the parts of a change that were not made durable by a sync of a range."""
    end = min(extent.end, reach)
    if not file.durable_since:
        yield extent.start, end
        return
    for sector in sectors_of(extent.start, end, sector_bytes):
        if extent.moment(sector, sector_bytes) > file.durable_since.get(sector, -1):
            start = sector * sector_bytes
            yield max(extent.start, start), min(end, start + sector_bytes)


def merged(ranges: list[Range]) -> tuple[Range, ...]:
    """Return ranges in order, those that touch as one."""
    done: list[Range] = []
    for start, end in sorted(ranges):
        if end <= start:
            continue
        if done and start <= done[-1][1]:
            done[-1] = done[-1][0], max(done[-1][1], end)
        else:
            done.append((start, end))
    return tuple(done)
