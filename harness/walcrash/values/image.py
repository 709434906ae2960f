"""Images: one directory tree that a crash may leave behind, as a value.

Content, names and modes are kept; owners, times and extended attributes are not. Two names of
one file stay two names of one file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A regular file."""

    content: bytes
    mode: int = 0o600


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """Another name of a file that has been listed before."""

    first_name: str


@dataclass(frozen=True, slots=True)
class SymlinkEntry:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A directory; what is in it has entries of its own."""

    mode: int = 0o700


Entry = FileEntry | LinkEntry | SymlinkEntry | DirectoryEntry


_RUN_BYTES: Final = 1 << 16
_ZEROS: Final = bytes(_RUN_BYTES)


def _add_content(digest: hashlib.blake2b, content: bytes) -> None:
    """Add a file's content; long runs of zeros, as in a map made in advance, are only named.

    To see that a run is all zeros takes a tenth of the time that it takes to hash it.
    """
    if len(content) < 2 * _RUN_BYTES:
        digest.update(content)
        return
    for start in range(0, len(content), _RUN_BYTES):
        run = content[start : start + _RUN_BYTES]
        is_empty = run == _ZEROS
        digest.update(b"\0" if is_empty else b"\1")
        if not is_empty:
            digest.update(run)


@dataclass(frozen=True, slots=True)
class Image:
    """A directory tree: entries by path relative to its root, parents before what they hold."""

    entries: Mapping[str, Entry]

    def content(self, path: str) -> bytes | None:
        """Return what a file has, under any of its names; None where there is no such file."""
        entry = self.entries.get(path)
        if isinstance(entry, LinkEntry):
            entry = self.entries.get(entry.first_name)
        return entry.content if isinstance(entry, FileEntry) else None

    def digest(self) -> str:
        """Return a hash of names and content, as hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=16)
        for name in sorted(self.entries):
            entry = self.entries[name]
            # A description of large content would cost many times its hash.
            content = entry.content if isinstance(entry, FileEntry) else b""
            described = oct(entry.mode) if isinstance(entry, FileEntry) else repr(entry)
            for part in (name, described):
                data = part.encode("utf-8", "surrogateescape")
                digest.update(len(data).to_bytes(8, "little") + data)
            digest.update(len(content).to_bytes(8, "little"))
            _add_content(digest, content)
        return digest.hexdigest()
