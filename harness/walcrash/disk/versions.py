"""Versions of files: what each file held after each call, and which call wrote each byte.

It follows the events of a case in memory, by name: what a file is now, byte by byte with the call
that wrote it, and what it was earlier. Who wrote what is kept as runs, contents in pieces that
versions share, so that a large file costs what was written to it. A file that events change in a
way that is not followed here has no authors.

Not here: what of it is durable (`pending`); which damage is done to it (`rot`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from walcrash.disk.written_runs import Run, WrittenRuns
from walcrash.values.content import Buffer, Content
from walcrash.values.damage import Author
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image

# limits
FOLLOWED_BYTES: Final = 1 << 30
"""Longest file whose bytes are followed."""

VERSIONS: Final = 16
"""Most versions of one name that are kept, the first ones."""

LAST_CALL: Final = 1 << 32
"""The call of an author that is some call of its boot or an earlier one."""

_KEEP_SIZE: Final = 0x01
_PUNCH_HOLE: Final = 0x02
_COLLAPSE_OR_INSERT: Final = 0x08 | 0x20
_EXCHANGE: Final = 2


@dataclass(slots=True, eq=False)
class _File:
    content: Buffer = field(default_factory=Buffer)
    authors: WrittenRuns = field(default_factory=WrittenRuns)
    is_followed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersions:
    """One file as the events of a case left it.

    Attributes:
        runs: the runs of bytes that one call wrote, in order, each with the position in `calls` of
            that call; None where that is not known.
        calls: the calls.
        earlier: what the file was before, oldest first, no two in a row the same.
    """

    runs: Sequence[Run] | None
    calls: Sequence[Author]
    earlier: tuple[Content, ...]

    def within(self, start: int, end: int) -> list[Run]:
        """Return the runs, cut to a range of bytes; none where they are not known."""
        if self.runs is None:
            return []
        first = bisect_right(self.runs, start, key=lambda run: run.end)
        last = bisect_left(self.runs, end, key=lambda run: run.start)
        return [
            Run(max(run.start, start), min(run.end, end), run.call) for run in self.runs[first:last]
        ]


class Versions:
    """The files of a case so far, by name."""

    def __init__(self, base: Image | None = None, boot: int = 0) -> None:
        """Begin with what a power loss left of a boot; without, with an empty directory.

        All of that was written by some call of that boot or an earlier one. What files were before
        may never have been on the disk.
        """
        self._files: dict[str, _File] = {}
        self._earlier: dict[str, list[Content]] = {}
        self._changed: set[str] = set()
        self._calls: list[Author] = []
        if base is None or not base.entries:
            return
        self._calls.append(Author(boot=boot, call=LAST_CALL))
        for path, entry in base.entries.items():
            if isinstance(entry, FileEntry):
                size = len(entry.content)
                is_followed = size <= FOLLOWED_BYTES
                content = Buffer(entry.content if is_followed else b"")
                authors = WrittenRuns()
                authors.put(0, len(content), 0)
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

    def of(self, path: str, content: Content) -> FileVersions:
        """Return what is known of a file that an image has with this content."""
        file = self._files.get(path)
        is_known = file is not None and file.is_followed and file.content.content() == content
        earlier = [each for each in self._earlier.get(path, ()) if each != content]
        return FileVersions(
            runs=file.authors.runs() if is_known and file is not None else None,
            calls=self._calls,
            earlier=tuple(dict.fromkeys(earlier)),
        )

    def _keep_versions(self) -> None:
        for path in sorted(self._changed):
            file, kept = self._files.get(path), self._earlier.setdefault(path, [])
            if file is None or not file.is_followed or len(kept) == VERSIONS:
                continue
            content = file.content.content()
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
        file.content.write(event.offset, data)
        file.authors.put(event.offset, end, len(self._calls) - 1)

    def _resize(self, path: str, size: int) -> None:
        file = self._files.setdefault(path, _File())
        if size > FOLLOWED_BYTES:
            file.is_followed = False
        if file.is_followed:
            if size < len(file.content):
                file.content.resize(size)
                file.authors.cut(size)
            self._grow(file, size)

    def _grow(self, file: _File, size: int) -> None:
        before = len(file.content)
        if size > before:
            file.content.resize(size)
            file.authors.put(before, size, len(self._calls) - 1)

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
