"""Reading an open file a chunk at a time, so that its size does not matter.

Not here: what the bytes mean (`reader`, `vixw`).
"""

import os
from collections.abc import Iterator

# limits

CHUNK_BYTES = 256 * 1024
"""How much of the file is read at a time; what is longer is read alone."""


class ChunkedFile:
    """Reads any part of an open file, and holds the last chunk of it.

    Attributes:
        size_bytes: how long the file was when this was made; nothing behind it is read.
    """

    __slots__ = ("_chunk", "_chunk_at", "_fd", "size_bytes")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._chunk = b""
        self._chunk_at = 0
        self.size_bytes = os.fstat(fd).st_size

    def read(self, position: int, length_bytes: int) -> bytes:
        """Return that many bytes, or as many as there are."""
        start = position - self._chunk_at
        if start < 0 or start + length_bytes > len(self._chunk):
            # A buffer for more than there is would be made, and shortened, for each replay.
            ahead_bytes = min(CHUNK_BYTES, self.size_bytes - position)
            self._chunk = os.pread(self._fd, max(length_bytes, ahead_bytes), position)
            self._chunk_at = position
            start = 0
        return self._chunk[start : start + length_bytes]

    def find(self, needle: bytes, start: int, stop: int | None = None) -> Iterator[int]:
        """Yield each position from `start` on, below `stop`, at which the needle is."""
        stop = self.size_bytes if stop is None else min(stop, self.size_bytes)
        position = start
        while position < stop:
            chunk = self.read(position, min(CHUNK_BYTES, stop - position + len(needle) - 1))
            if not chunk:
                return  # The file has become shorter.
            found = chunk.find(needle)
            while 0 <= found < stop - position:
                yield position + found
                found = chunk.find(needle, found + 1)
            # The next chunk starts where a needle that this one's end divides would.
            position += max(1, len(chunk) - len(needle) + 1)
