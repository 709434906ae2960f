"""Reserved blocks: those that a file has on the disk though nothing was written to them.

They matter where a file system delays allocation: what is written to a reserved block waits for
no allocation, so nothing that starts delayed allocations writes it out.

Not here: what such a write-out promises (`file_history`).

Source: Linux, `fs/ext4/extents.c` (`ext4_do_fallocate`, `ext4_ext_truncate`).
"""

from walcrash.disk.extents import END_OF_ALL_FILES, round_up


class Reserved:
    """The reserved blocks of one file, as ranges of bytes at block boundaries."""

    __slots__ = ("_block_bytes", "_ranges")

    def __init__(self, block_bytes: int, *, is_unknown: bool) -> None:
        """Begin with none, or with any, where the file's past is not known."""
        self._block_bytes = block_bytes
        self._ranges = [(0, END_OF_ALL_FILES)] if is_unknown else []

    def add(self, start: int, end: int) -> None:
        """Reserve the blocks that a range touches."""
        self._ranges = [*self._ranges, (self._down(start), self._up(end))]

    def free(self, start: int, end: int = END_OF_ALL_FILES) -> None:
        """Free the blocks that lie in a range whole."""
        low, high = self._up(start), self._down(end)
        parts = ((s, min(e, low), max(s, high), e) for s, e in self._ranges)
        pairs = ((s, e) for one in parts for s, e in (one[:2], one[2:]))
        self._ranges = [(s, e) for s, e in pairs if s < e] if low < high else self._ranges

    def ends(self) -> set[int]:
        """Return where ranges begin and end."""
        return {edge for pair in self._ranges for edge in pair}

    def last_free_end(self, start: int, end: int) -> int:
        """Return where the last block of a range ends that is not reserved; 0 if there is none."""
        at = self._up(end)
        while at > self._down(start):
            covering = [s for s, e in self._ranges if s < at <= e]
            if not covering:
                return at
            at = min(covering)
        return 0

    def _down(self, offset: int) -> int:
        return offset // self._block_bytes * self._block_bytes

    def _up(self, offset: int) -> int:
        return round_up(offset, self._block_bytes)
