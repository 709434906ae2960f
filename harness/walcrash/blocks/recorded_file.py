"""The recorded file: one file behind FUSE, every write and flush of which is logged in order.

It runs as a process of its own, so that the process whose calls are being recorded never waits
for itself. A loop device lies on the file; it hands over one request after the other, and an
`fsync` of the file is a flush of the device.

How many entries have arrived is in the first eight bytes of a file that others map: what they
read there before and after a call ties the call to the log. The entry is counted before the
request is answered, so a call that has waited for a flush sees it counted.
The byte behind them says what becomes of writes of data (`data_writes`), and two numbers further
on in which range they are made all the same. One that is held waits in
a thread of its own, and is logged when it arrives.

Not here: the loop device (`kernel`), starting and ending this process (`device`).

Source: `fuse(4)`; mfusepy's `Operations`.
"""

import ctypes
import errno
import mmap
import os
import stat
import sys
import threading
import time
from typing import Any, Final

from mfusepy import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
    FUSE,
    FuseOSError,
    Operations,
)

from walcrash.blocks.data_writes import DataWrites, is_data
from walcrash.blocks.log import (
    COUNT_BYTES,
    FILE_NAME,
    SPARED,
    SPARED_AT,
    BlockWrite,
    packed,
)

_PR_SET_IO_FLUSHER: Final = 57
_CLONE_NEWNS: Final = 0x0002_0000
_MNT_DETACH: Final = 2

_libc: Final = ctypes.CDLL(None, use_errno=True)


class RecordedFile(Operations):  # type: ignore[misc,unused-ignore]
    """One file; its content is in another one, which is never read by anybody else meanwhile."""

    use_ns = True

    def __init__(
        self,
        directory: str,
        mount_point: str,
        hold_seconds: float,
        data_seconds: float,
        ready_fd: int,
    ) -> None:
        self._mount_point = mount_point
        self._content = os.open(f"{directory}/content", os.O_RDWR | os.O_CLOEXEC)
        self._log = os.open(f"{directory}/log", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        counter = os.open(f"{directory}/count", os.O_RDWR | os.O_CLOEXEC)
        self._counter = mmap.mmap(counter, mmap.PAGESIZE)
        os.close(counter)
        self._size = os.fstat(self._content).st_size
        self._hold_seconds = hold_seconds
        self._data_seconds = data_seconds
        self._arriving = threading.Lock()
        self._ready_fd = ready_fd

    def init(self, path: str) -> None:
        """Leave the mount namespace that the file system will be in, and say that it can be.

        Else this process, killed as the last one in there, would unmount that file system before
        the kernel closes what this process answers requests with, and wait for itself for ever.
        The new namespace has a mount of our own file in it, which would keep this process alive
        after everybody else has unmounted it, so that goes as well.
        """
        if _libc.unshare(_CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "no mount namespace of its own")
        if _libc.umount2(self._mount_point.encode(), _MNT_DETACH) != 0:
            raise OSError(ctypes.get_errno(), "our own mount cannot be left", self._mount_point)
        os.write(self._ready_fd, b"R")
        os.close(self._ready_fd)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        """Return the size of the file, and that the rest is a directory."""
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        if path != f"/{FILE_NAME}":
            raise FuseOSError(errno.ENOENT)
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": self._size}

    def open(self, path: str, fi: Any) -> int:
        """Open the file; without a page cache of its own, or writes would be late."""
        fi.direct_io = 1
        return 0

    def read(self, path: str, size: int, offset: int, fh: object) -> bytes:
        """Return what the file holds."""
        return os.pread(self._content, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: object) -> int:
        """Log and count a write, then make it; one of data as the page says."""
        if self._hold_seconds:
            time.sleep(self._hold_seconds)
        becomes = DataWrites(self._counter[COUNT_BYTES])
        if becomes is not DataWrites.MADE and is_data(data) and not self._is_spared(offset):
            if becomes is DataWrites.FAILED:
                raise FuseOSError(errno.EIO)
            time.sleep(self._data_seconds)
        with self._arriving:
            self._add(BlockWrite(offset, data))
            return os.pwrite(self._content, data, offset)

    def fsync(self, path: str, datasync: int, fh: object) -> int:
        """Log and count a flush."""
        with self._arriving:
            self._add(BlockWrite(0, b"", is_flush=True))
        return 0

    def _is_spared(self, offset: int) -> bool:
        """Whether a write begins in the range that is always written: a journal has data too."""
        start, end = SPARED.unpack_from(self._counter, SPARED_AT)
        return bool(start <= offset < end)

    def _add(self, entry: BlockWrite) -> None:
        os.write(self._log, packed(entry))
        count = int.from_bytes(self._counter[:COUNT_BYTES], sys.byteorder) + 1
        self._counter[:COUNT_BYTES] = count.to_bytes(COUNT_BYTES, sys.byteorder)


def main() -> None:
    """Serve until the file is unmounted.

    Arguments: directory, mount point, seconds that each write takes, seconds that one of data is
    held, descriptor. Where data may be held, requests are answered by several threads.
    """
    directory, mount_point, hold_seconds, data_seconds, ready_fd = sys.argv[1:]
    # What this process allocates must not wait for write-back that waits for this process.
    _libc.prctl(_PR_SET_IO_FLUSHER, 1, 0, 0, 0)
    FUSE(
        RecordedFile(
            directory, mount_point, float(hold_seconds), float(data_seconds), int(ready_fd)
        ),
        mount_point,
        raw_fi=True,
        foreground=True,
        nothreads=not float(data_seconds),
        fsname="walcrash",
    )
