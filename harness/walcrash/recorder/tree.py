"""Trees: from a directory to an image and back.

An image is put where the worker had its directory, since stores keep absolute paths.

Of a large file only what is data is read; holes are not, and zeros are put back as holes. An
earlier image of the same directory lends its pieces where they still hold what was read, so that
both take the memory of one.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Final

from walcrash.values.content import (
    PIECE_BYTES,
    SMALL_BYTES,
    ZERO,
    Content,
    LargeContent,
    Piece,
    piece_count,
    piece_of,
)
from walcrash.values.image import DirectoryEntry, Entry, FileEntry, Image, LinkEntry, SymlinkEntry

_BLOCK_BYTES: Final = 512
"""The unit of `st_blocks`."""


def capture(directory: str, *, like: Image | None = None) -> Image:
    """Return what a directory holds, in name order.

    Args:
        directory: its path.
        like: an earlier image of it, with which the new one shares what has not changed.

    Raises:
        OSError: something in it cannot be read.
    """
    entries: dict[str, Entry] = {}
    _capture_into(directory, "", entries, {}, {} if like is None else like.entries)
    return Image(entries)


def _capture_into(
    directory: str,
    inside: str,
    entries: dict[str, Entry],
    seen: dict[tuple[int, int], str],
    like: Mapping[str, Entry],
) -> None:
    for name in sorted(os.listdir(directory)):
        path, relative = f"{directory}/{name}", f"{inside}{name}"
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            entries[relative] = DirectoryEntry(mode)
            _capture_into(path, f"{relative}/", entries, seen, like)
        elif stat.S_ISLNK(status.st_mode):
            entries[relative] = SymlinkEntry(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if key in seen:
                entries[relative] = LinkEntry(seen[key])
            else:
                seen[key] = relative
                entries[relative] = FileEntry(
                    _content(path, status.st_size, like.get(relative)), mode
                )
        # Sockets and pipes hold no data, and their processes are gone.


def _content(path: str, size: int, like: Entry | None) -> Content:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # One byte more than it had says whether it has grown since.
        small = _read_at(fd, 0, min(size, SMALL_BYTES) + 1)
        if len(small) <= min(size, SMALL_BYTES):
            return small
        known = like.content if isinstance(like, FileEntry) else b""
        return _in_pieces(fd, known.pieces if isinstance(known, LargeContent) else ())
    finally:
        os.close(fd)


def _in_pieces(fd: int, known: Sequence[Piece]) -> Content:
    """Read only where data is: zeros are all that a hole has."""
    size = os.fstat(fd).st_size
    pieces = [ZERO] * piece_count(size)
    end = 0
    while (start := _next_data(fd, end, size)) < size:
        # A hole may have come behind a start that was data a moment ago.
        end = max(start + 1, min(os.lseek(fd, start, os.SEEK_HOLE), size))
        for index in range(start // PIECE_BYTES, piece_count(end)):
            at = index * PIECE_BYTES
            data = _read_at(fd, at, min(PIECE_BYTES, size - at)).ljust(PIECE_BYTES, b"\0")
            pieces[index] = piece_of(data, known[index] if index < len(known) else None)
        end = min(size, piece_count(end) * PIECE_BYTES)
    return LargeContent(pieces, size) if size > SMALL_BYTES else _read_at(fd, 0, size)


def _read_at(fd: int, start: int, length: int) -> bytes:
    """Return so many bytes, or fewer where the file ends before."""
    data = os.pread(fd, length, start)
    while 0 < len(data) < length and (more := os.pread(fd, length - len(data), start + len(data))):
        data += more
    return data


def _next_data(fd: int, start: int, size: int) -> int:
    """Return where the next data begins; the size where there is none."""
    try:
        return os.lseek(fd, start, os.SEEK_DATA)
    except OSError as problem:
        if problem.errno == errno.ENXIO:
            return size
        raise


def size_bytes(directory: str) -> int:
    """Return what a directory's files take on the disk, while somebody may be changing them.

    What cannot be read counts as nothing.
    """
    size = 0
    directories = [directory]
    while directories:
        with contextlib.suppress(OSError), os.scandir(directories.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                    continue
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
    return size


def restore(image: Image, directory: str) -> None:
    """Make a directory hold exactly an image; the directory itself stays.

    Raises:
        OSError: something in it cannot be removed or written.
    """
    clear(directory)
    for relative, entry in image.entries.items():
        path = f"{directory}/{relative}"
        if isinstance(entry, DirectoryEntry):
            os.mkdir(path)
        elif isinstance(entry, SymlinkEntry):
            os.symlink(entry.target, path)
        elif isinstance(entry, LinkEntry):
            os.link(f"{directory}/{entry.first_name}", path)
        else:
            _write_file(path, entry)
    for relative, entry in reversed(list(image.entries.items())):
        if isinstance(entry, DirectoryEntry):
            os.chmod(f"{directory}/{relative}", entry.mode)


def _write_file(path: str, entry: FileEntry) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if isinstance(entry.content, LargeContent):
            for start, data in entry.content.written():
                _write_at(fd, data, start)
            os.ftruncate(fd, len(entry.content))
        else:
            _write_at(fd, entry.content, 0)
        os.fchmod(fd, entry.mode)
    finally:
        os.close(fd)


def _write_at(fd: int, data: bytes | memoryview, start: int) -> None:
    rest = memoryview(data)
    while rest:
        count = os.pwrite(fd, rest, start)
        rest, start = rest[count:], start + count


def clear(directory: str) -> None:
    """Empty a directory, also where a worker took away its own permissions.

    Raises:
        OSError: something in it cannot be removed.
    """
    with os.scandir(directory) as entries:
        found = list(entries)
    for entry in found:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
            continue
        with contextlib.suppress(OSError):
            os.chmod(entry.path, 0o700)
        clear(entry.path)
        os.rmdir(entry.path)
