"""Trees: from a folder to an image and back.

An image is put where the worker had its folder, since stores keep absolute paths.
"""

import contextlib
import os
import shutil
import stat
from typing import Final

from harness.values.image import DirectoryEntry, Entry, FileEntry, Image, LinkEntry, SymlinkEntry

_READ_BYTES: Final = 1 << 24


def capture(folder: str) -> Image:
    """Return what a folder holds, in name order.

    Raises:
        OSError: something in it cannot be read.
    """
    entries: dict[str, Entry] = {}
    _capture_into(folder, "", entries, {})
    return Image(entries)


def _capture_into(
    folder: str, inside: str, entries: dict[str, Entry], seen: dict[tuple[int, int], str]
) -> None:
    for name in sorted(os.listdir(folder)):
        path, relative = f"{folder}/{name}", f"{inside}{name}"
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
                entries[relative] = FileEntry(_content(path), mode)
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


def restore(image: Image, folder: str) -> None:
    """Make a folder hold exactly an image; the folder itself stays.

    Raises:
        OSError: something in it cannot be removed or written.
    """
    clear(folder)
    for relative, entry in image.entries.items():
        path = f"{folder}/{relative}"
        if isinstance(entry, DirectoryEntry):
            os.mkdir(path)
        elif isinstance(entry, SymlinkEntry):
            os.symlink(entry.target, path)
        elif isinstance(entry, LinkEntry):
            os.link(f"{folder}/{entry.first_name}", path)
        else:
            _write_file(path, entry)
    for relative, entry in reversed(list(image.entries.items())):
        if isinstance(entry, DirectoryEntry):
            os.chmod(f"{folder}/{relative}", entry.mode)


def _write_file(path: str, entry: FileEntry) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(entry.content)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fchmod(fd, entry.mode)
    finally:
        os.close(fd)


def clear(folder: str) -> None:
    """Empty a folder, also where a worker took away its own permissions.

    Raises:
        OSError: something in it cannot be removed.
    """
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
            continue
        with contextlib.suppress(OSError):
            os.chmod(entry.path, 0o700)
        shutil.rmtree(entry.path)
