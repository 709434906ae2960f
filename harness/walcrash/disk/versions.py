"""Versions of files: what each file held after each call, and which call wrote each byte.

It follows the events of a case in memory, by name: what a file is now, byte by byte with the call
that wrote it, and what it was earlier. A file that events change in a way that is not followed
here, and one that is too large, has no authors.

Not here: what of it is durable (`pending`); which damage is done to it (`rot`).
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from walcrash.values.damage import Author
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image

# limits
FOLLOWED_BYTES: Final = 4 << 20
"""Longest file whose bytes are followed."""

VERSIONS: Final = 16
"""Most versions of one name that are kept, the first ones."""

VERSION_BYTES: Final = 1 << 18
"""Longest version that is kept."""

LAST_CALL: Final = 1 << 32
"""The call of an author that is some call of its boot or an earlier one."""

_KEEP_SIZE: Final = 0x01
_PUNCH_HOLE: Final = 0x02
_COLLAPSE_OR_INSERT: Final = 0x08 | 0x20
_EXCHANGE: Final = 2


@dataclass(slots=True, eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)
    authors: "array[int]" = field(default_factory=lambda: array("L"))
    is_followed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersions:
    """One file as the events of a case left it.

    Attributes:
        authors: for each byte the position in `calls` of the call that wrote it; None where that
            is not known.
        calls: the calls.
        earlier: what the file was before, oldest first, no two in a row the same.
    """

    authors: Sequence[int] | None
    calls: Sequence[Author]
    earlier: tuple[bytes, ...]

    def wrote(self, start: int, end: int) -> list[Author]:
        """Return the calls that wrote some of these bytes; none where that is not known."""
        if self.authors is None:
            return []
        return [self.calls[number] for number in sorted(set(self.authors[start:end]))]


class Versions:
    """The files of a case so far, by name."""

    def __init__(self, base: Image | None = None, boot: int = 0) -> None:
        """Begin with what a power loss left of a boot; without, with an empty directory.

        All of that was written by some call of that boot or an earlier one. What files were before
        may never have been on the disk.
        """
        self._files: dict[str, _File] = {}
        self._earlier: dict[str, list[bytes]] = {}
        self._changed: set[str] = set()
        self._calls: list[Author] = []
        if base is None or not base.entries:
            return
        self._calls.append(Author(boot=boot, call=LAST_CALL))
        for path, entry in base.entries.items():
            if isinstance(entry, FileEntry):
                size = len(entry.content)
                is_followed = size <= FOLLOWED_BYTES
                content = bytearray(bytes(entry.content) if is_followed else b"")
                authors = array("L", [0]) * len(content)
                self._files[path] = _File(content, authors, is_followed)

    def take_boot(self, number: int, events: Iterable[Event]) -> None:
        """Take the events of a boot, counted from 1."""
        for event in events:
            author = Author(boot=number, call=max(0, event.call))
            if not self._calls or self._calls[-1] != author:
                self._keep_versions()
                self._calls.append(author)
            if event.result >= 0:
                self._take(event)
        self._keep_versions()

    def of(self, path: str, content: bytes) -> FileVersions:
        """Return what is known of a file that an image has with this content."""
        file = self._files.get(path)
        is_known = file is not None and file.is_followed and file.content == content
        earlier = [each for each in self._earlier.get(path, ()) if each != content]
        return FileVersions(
            authors=file.authors if is_known and file is not None else None,
            calls=self._calls,
            earlier=tuple(dict.fromkeys(earlier)),
        )

    def _keep_versions(self) -> None:
        for path in sorted(self._changed):
            file, kept = self._files.get(path), self._earlier.setdefault(path, [])
            if file is None or len(file.content) > VERSION_BYTES or len(kept) == VERSIONS:
                continue
            content = bytes(file.content)
            if not kept or kept[-1] != content:
                kept.append(content)
        self._changed.clear()

    def _take(self, event: Event) -> None:
        match event.kind:
            case EventKind.CREATE:
                self._files.setdefault(event.path, _File())
            case EventKind.WRITE:
                self._write(event)
            case EventKind.TRUNCATE:
                self._resize(event.path, event.offset)
            case EventKind.ALLOCATE:
                self._allocate(event)
            case EventKind.RENAME:
                self._rename(event)
            case EventKind.LINK:
                if event.path in self._files:
                    self._files[event.path_to] = self._files[event.path]
            case EventKind.UNLINK:
                self._files.pop(event.path, None)
            case _:
                return
        self._changed.add(event.path_to or event.path)

    def _write(self, event: Event) -> None:
        file = self._files.setdefault(event.path, _File())
        data = event.data[: event.result] if not event.is_stored else event.data
        end = event.offset + len(data)
        if end > FOLLOWED_BYTES or (data and not event.data):
            file.is_followed = False
        if not file.is_followed:
            return
        self._grow(file, event.offset)
        file.content[event.offset : end] = data
        file.authors[event.offset : end] = array("L", [len(self._calls) - 1]) * len(data)

    def _resize(self, path: str, size: int) -> None:
        file = self._files.setdefault(path, _File())
        if size > FOLLOWED_BYTES:
            file.is_followed = False
        if file.is_followed:
            del file.content[size:]
            del file.authors[size:]
            self._grow(file, size)

    def _grow(self, file: _File, size: int) -> None:
        lacking = size - len(file.content)
        if lacking > 0:
            file.content.extend(bytes(lacking))
            file.authors.extend(array("L", [len(self._calls) - 1]) * lacking)

    def _allocate(self, event: Event) -> None:
        file = self._files.setdefault(event.path, _File())
        if event.flags & _COLLAPSE_OR_INSERT or event.offset + event.length > FOLLOWED_BYTES:
            file.is_followed = False
        elif event.flags & ~_KEEP_SIZE:
            # What is punched out or zeroed is zeros that nobody wrote.
            file.is_followed = not event.flags & _PUNCH_HOLE and file.is_followed
        elif not event.flags & _KEEP_SIZE:
            self._grow(file, event.offset + event.length)

    def _rename(self, event: Event) -> None:
        old, new = event.path, event.path_to
        moved = _under(self._files, old)
        replaced = _under(self._files, new) if event.flags & _EXCHANGE else {}
        for name in (*moved, *replaced):
            del self._files[name]
        if not event.flags & _EXCHANGE:
            self._files.pop(new, None)
        self._files.update({new + name[len(old) :]: file for name, file in moved.items()})
        self._files.update({old + name[len(new) :]: file for name, file in replaced.items()})
        self._changed.update(new + name[len(old) :] for name in moved)


def _under(files: Mapping[str, _File], path: str) -> dict[str, _File]:
    """Return a file, or all files in a directory, by name."""
    return {
        name: file for name, file in files.items() if name == path or name.startswith(f"{path}/")
    }
