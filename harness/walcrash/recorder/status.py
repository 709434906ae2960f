"""Status: what a file is, without a look at its times.

Since Linux 6.13 a look at a file's times changes what the next write does: it gets a time of its
own, where it would have had that of the clock tick. Then the inode is dirty, and an `fsync` commits
what it would have left. A recorder that looks would hide what a subject meets without it.

Source: `statx(2)`; Linux, `Documentation/filesystems/multigrain-ts.rst`.
"""

import ctypes
import os
import struct
from typing import Final, NamedTuple

from walcrash.recorder.abi import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, libc

_WANTED: Final = 0x1 | 0x2 | 0x4 | 0x100 | 0x200 | 0x400
"""STATX_TYPE, STATX_MODE, STATX_NLINK, STATX_INO, STATX_SIZE and STATX_BLOCKS."""

_Statx = ctypes.c_char * 256
"""`struct statx`."""

_FIELDS: Final = struct.Struct("<16xI8xH2xQQQ80xII")
"""Of `struct statx`: links, mode, inode, size, blocks, the device's major and minor number."""


class FileStatus(NamedTuple):
    """What `os.stat_result` says of a file, without its times."""

    st_mode: int
    st_ino: int
    st_size: int
    st_dev: int
    st_nlink: int
    st_blocks: int


def status_of(file: int | str | bytes) -> FileStatus:
    """Return the status of a descriptor, or of what a path leads to.

    Raises:
        OSError: there is no such file.
    """
    if isinstance(file, int):
        return _status(file, b"", AT_EMPTY_PATH)
    return _status(AT_FDCWD, os.fsencode(file), 0)


def status_of_name(name: bytes, directory_fd: int = AT_FDCWD) -> FileStatus:
    """Return the status of a name in a directory; a symbolic link is not followed.

    Raises:
        OSError: there is no such name.
    """
    return _status(directory_fd, name, AT_SYMLINK_NOFOLLOW)


def _status(at: int, path: bytes, flags: int) -> FileStatus:
    found = _Statx()
    if libc.statx(at, path, flags, _WANTED, found) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    links, mode, inode, size, blocks, major, minor = _FIELDS.unpack_from(found)
    return FileStatus(mode, inode, size, os.makedev(major, minor), links, blocks)
