"""Images: one directory tree that a crash may leave behind, as a value.

Content, names and modes are kept; owners, times and extended attributes are not. Two names of
one file stay two names of one file.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.content import (
    SMALL_BYTES,
    Buffer,
    Content,
    LargeContent,
    content_digest,
    content_of,
)
from walcrash.values.forms import As

# limits
WRITTEN_FORM_BYTES: Final = 1 << 36
"""The largest file whose content is read from what was stored: a size costs memory by itself."""


@dataclass(frozen=True, slots=True)
class _WrittenForm:
    """How a large content is stored: its size, and what is not zeros in it, by offset."""

    size: int
    written: tuple[tuple[int, bytes], ...]


def _write_content(content: Content) -> bytes | _WrittenForm:
    if isinstance(content, LargeContent):
        written = ((offset, data.rstrip(b"\0")) for offset, data in content.written())
        return _WrittenForm(len(content), tuple(written))
    return content


def _read_content(form: bytes | _WrittenForm) -> Content:
    if isinstance(form, bytes):
        return content_of(form)
    if not SMALL_BYTES < form.size <= WRITTEN_FORM_BYTES:
        raise ValueError(
            f"the size of a content in parts is {SMALL_BYTES + 1} to {WRITTEN_FORM_BYTES} bytes; "
            f"found {form.size}"
        )
    buffer = Buffer()
    buffer.resize(form.size)
    for offset, data in form.written:
        if not 0 <= offset <= form.size - len(data):
            raise ValueError(
                f"{len(data)} bytes at {offset} are not within a content of {form.size} bytes"
            )
        buffer.write(offset, data)
    return buffer.content()


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A regular file; content of any length is taken, and kept in the form that it has by it."""

    content: Annotated[Content, As(bytes | _WrittenForm, _write_content, _read_content)]
    mode: int = 0o600

    def __post_init__(self) -> None:
        """Bring the content into its form."""
        if len(self.content) > SMALL_BYTES:
            object.__setattr__(self, "content", content_of(self.content))


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


@dataclass(frozen=True, slots=True)
class Image:
    """A directory tree: entries by path relative to its root, parents before what they hold."""

    entries: Mapping[str, Entry]

    def content(self, path: str) -> Content | None:
        """Return what a file has, under any of its names; None where there is no such file."""
        entry = self.entries.get(path)
        if isinstance(entry, LinkEntry):
            entry = self.entries.get(entry.first_name)
        return entry.content if isinstance(entry, FileEntry) else None

    def written_bytes(self) -> int:
        """Return how many bytes the contents take that are not pieces of zeros."""
        return sum(
            sum(len(data) for _, data in entry.content.written())
            if isinstance(entry.content, LargeContent)
            else len(entry.content)
            for entry in self.entries.values()
            if isinstance(entry, FileEntry)
        )

    def digest(self, of_content: Callable[[Content], bytes] = content_digest) -> str:
        """Return a hash of names and content, as hexadecimal digits.

        Args:
            of_content: returns what `content_digest` does.
        """
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
            digest.update(of_content(content))
        return digest.hexdigest()
