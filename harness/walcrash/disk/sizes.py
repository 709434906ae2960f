"""Sizes: those that a file may have on the disk, in bytes.

A size that was set is a change like others. Growth by writes is not: the size on the disk follows
the blocks that are written back, so it may end where any dirty block ends, in whatever order they
were written. A byte at 99,999, then one at 0, and only the first block written: 4,096 bytes.

Not here: from which moment on a model has to have a size (`model_ext4`, `model_posix`).

Source: Linux, `fs/ext4/inode.c` (`mpage_map_and_submit_extent`), `fs/xfs/xfs_aops.c`
(`xfs_setfilesize`).
"""

from bisect import bisect_right
from collections.abc import Iterator

from walcrash.disk.crash_state import Window
from walcrash.disk.extents import round_up
from walcrash.disk.file_history import FileHistory
from walcrash.values.moments import Moment, before


def allowed_sizes(file: FileHistory, window: Window, least: int = 0) -> list[int]:
    """Return the sizes of the moments of a window and those between them, in order.

    Args:
        file: the file.
        window: from when on the size was set, up to how far the file system has come.
        least: what the size is at least, since blocks behind it are allocated.
    """
    found = {file.size_at(moment) for moment in window.inside(file.size_moments())}
    found.update(
        promise.size
        for promise in file.promised
        if window.earliest <= promise.moment <= window.latest
    )
    most = max(found)
    found.update(end for end in _written_ends(file, window) if end < most)
    least = max(least, min(found))
    return [least, *sorted(size for size in found if size > least)]


def _written_ends(file: FileHistory, window: Window) -> Iterator[int]:
    """Yield where dirty blocks end behind the size that the window begins with."""
    size = file.size_at(window.earliest)
    for extent in file.extents:
        if extent.is_whole or before(extent.event) >= window.latest:
            continue
        is_older = before(extent.event) < window.earliest
        end = round_up(min(extent.end, size) if is_older else extent.end, file.block_bytes)
        start = max(size, extent.start)
        yield from range(round_up(start + 1, file.block_bytes), end + 1, file.block_bytes)


def reached_size(file: FileHistory, moment: Moment, written_end: int, sizes: list[int]) -> int:
    """Return the size of a moment, or a larger one where blocks up to a place are written back.

    Args:
        file: the file.
        moment: the moment.
        written_end: up to which byte blocks are written back.
        sizes: those that are allowed, in order.
    """
    asked = max(file.size_at(moment), min(sizes[-1], written_end))
    return sizes[max(0, bisect_right(sizes, asked) - 1)]
