"""Trees: from a directory to an image and back.

An image is put where the worker had its directory, since stores keep absolute paths.

Long files may be mostly holes: these are not read, and long runs of zeros are put back as holes.
"""

import contextlib
import errno
import os
import shutil
import stat
from typing import Final

from walcrash.values.image import DirectoryEntry, Entry, FileEntry, Image, LinkEntry, SymlinkEntry

_READ_BYTES: Final = 1 << 24
_PIECE_BYTES: Final = 1 << 16
_ZEROS: Final = bytes(_PIECE_BYTES)

_BLOCK_BYTES: Final = 512
"""The unit of `st_blocks`."""


def capture(directory: str) -> Image:
    """Return what a directory holds, in name order.

    Raises:
        OSError: something in it cannot be read.
    """
    entries: dict[str, Entry] = {}
    _capture_into(directory, "", entries, {})
    return Image(entries)


def _capture_into(
    directory: str, inside: str, entries: dict[str, Entry], seen: dict[tuple[int, int], str]
) -> None:
    for name in sorted(os.listdir(directory)):
        path, relative = f"{directory}/{name}", f"{inside}{name}"
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            entries[relative] = DirectoryEntry(mode)
            _capture_into(path, f"{relative}/", entries, seen)
        elif stat.S_ISLNK(status.st_mode):
            entries[relative] = SymlinkEntry(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if key in seen:
                entries[relative] = LinkEntry(seen[key])
            else:
                seen[key] = relative
                is_sparse = status.st_blocks * _BLOCK_BYTES < status.st_size - _PIECE_BYTES
                content = _sparse_content(path) if is_sparse else _content(path)
                entries[relative] = FileEntry(content, mode)
        # Sockets and pipes hold no data, and their processes are gone.


def _content(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(fd, _READ_BYTES):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def _sparse_content(path: str) -> bytes:
    """Read only where data is: zeros are all that a hole has."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = bytearray(os.fstat(fd).st_size)
        view = memoryview(content)
        end = 0
        while (start := _next_data(fd, end, len(content))) < len(content):
            end = min(os.lseek(fd, start, os.SEEK_HOLE), len(content))
            while start < end and (count := os.preadv(fd, [view[start:end]], start)):
                start += count
        return bytes(content)
    finally:
        os.close(fd)


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
        if len(entry.content) > _PIECE_BYTES:
            _write_sparsely(fd, entry.content)
        else:
            _write_at(fd, entry.content, 0)
        os.fchmod(fd, entry.mode)
    finally:
        os.close(fd)


def _write_sparsely(fd: int, content: bytes) -> None:
    for start in range(0, len(content), _PIECE_BYTES):
        piece = content[start : start + _PIECE_BYTES]
        if piece != _ZEROS[: len(piece)]:
            _write_at(fd, piece, start)
    os.ftruncate(fd, len(content))


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
        shutil.rmtree(entry.path)
