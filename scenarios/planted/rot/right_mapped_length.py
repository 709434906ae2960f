"""Right: the log is read through a mapping, after its length was held against that of the file.

How long the log is stands in a file of its own, which is replaced behind each append and in front
of what makes the log shorter. A file that is shorter than that was cut.

Resembles: `believed_length`, which maps what it was told.

Source: `mmap(2)`, SIGBUS: a page beyond the end of the mapped file.
"""

import ctypes
import os

from rot_base import Damaged, SealedLog

from walcrash import Record

PROT_READ, MAP_SHARED = 1, 1

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Subject(SealedLog):
    """Maps what is there; it has no compaction."""

    supports = SealedLog.supports - {"compact"}

    def load(self, name: str, default: bytes) -> bytes:
        path = self.directory / name
        if name != "wal.log" or not path.exists():
            return bytes(super().load(name, default))
        length = int(self.load("wal.length", b"0"))
        if not length:
            raise Damaged("there is a log, and nothing says how long it is")
        fd = os.open(path, os.O_RDONLY)
        size = os.fstat(fd).st_size
        self.require_length(length, size)
        try:
            # A record that was written, and not yet counted, was not acknowledged; it may stay.
            return self.read_mapped(fd, max(length, size))
        finally:
            os.close(fd)

    def require_length(self, length: int, size: int) -> None:
        """Refuse a file that is shorter than it was."""
        if size < length:
            raise Damaged(f"the log has {size} bytes, and had {length}")

    def read_mapped(self, fd: int, length: int) -> bytes:
        """Return so many bytes of a file, through a mapping."""
        address = libc.mmap(None, length, PROT_READ, MAP_SHARED, fd, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), "the log cannot be mapped")
        try:
            return ctypes.string_at(address, length)
        finally:
            libc.munmap(address, length)

    def save_file(self, name: str, data: bytes) -> None:
        if name == "wal.log":
            self.save("wal.length", b"%d" % len(data))
        super().save_file(name, data)

    def write(self, record: Record, frame: bytes) -> None:
        super().write(record, frame)
        self.save("wal.length", b"%d" % os.fstat(self.log).st_size)
