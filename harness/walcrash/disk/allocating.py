"""Allocation: what each mode of fallocate does to a file, and what ext4 allocates by itself.

Not here: when ext4 does so (`pending`).

Source: `fallocate(2)`; Linux, `fs/ext4/extents.c` (`ext4_do_fallocate`, `ext4_zero_range`),
`fs/ext4/inode.c` (`ext4_update_disksize_before_punch`).
"""

from typing import Final

from walcrash.disk.extents import END_OF_ALL_FILES, SizePromise, round_up
from walcrash.disk.file_history import FileHistory
from walcrash.values.moments import Moment, after, before, part

_KEEP_SIZE: Final = 0x01
_PUNCH_HOLE: Final = 0x02
_COLLAPSE_RANGE: Final = 0x08
_ZERO_RANGE: Final = 0x10
_INSERT_RANGE: Final = 0x20
_UNSHARE_RANGE: Final = 0x40


def allocate(file: FileHistory, event: int, mode: int, start: int, length: int) -> bool:
    """Do what an event's fallocate does; return whether its mode is known.

    Args:
        file: the file.
        event: the event's position in the trace.
        mode: the flags of the call.
        start: where the range begins.
        length: how many bytes it has.
    """
    end = start + length
    if mode & _COLLAPSE_RANGE:
        file.replace_tail(event, start, _tail(file, event, end))
        file.reserved.add(start, END_OF_ALL_FILES)
    elif mode & _INSERT_RANGE:
        file.replace_tail(event, start, bytes(length) + _tail(file, event, start))
        file.reserved.add(start, END_OF_ALL_FILES)
    elif mode & ~(_KEEP_SIZE | _PUNCH_HOLE | _ZERO_RANGE | _UNSHARE_RANGE):
        return False
    elif mode & _PUNCH_HOLE:
        file.zero(event, start, end, keeps_blocks=False)
        file.reserved.free(start, end)
        _follow(file, event, start, end)
    else:
        _allocate(file, event, mode, start, end)
    return True


def _allocate(file: FileHistory, event: int, mode: int, start: int, end: int) -> None:
    if mode & _ZERO_RANGE:
        file.zero(event, start, end, keeps_blocks=True)
    if mode & _KEEP_SIZE:
        if mode & _ZERO_RANGE:
            _follow(file, event, start, end)
    elif end > file.size:
        file.promised += [
            SizePromise(before(event), boundary, is_certain=False)
            for boundary in sorted(_boundaries(file, end))
        ]
        file.resize(event, end)
    else:
        promise(file, event, end, is_certain=True)
    file.reserved.add(start, end)


def _boundaries(file: FileHistory, end: int) -> set[int]:
    """Return where blocks of another kind begin or end behind the size.

    Each run of blocks of one kind is allocated in a transaction of its own, which takes the size
    to the end of the run.
    """
    found = {file.size, *file.reserved.ends()}
    found.update(
        edge for each in file.extents if not each.is_whole for edge in (each.start, each.end)
    )
    ends = {round_up(edge, file.block_bytes) for edge in found}
    return {edge for edge in ends if file.size < edge < end}


def _follow(file: FileHistory, event: int, start: int, end: int) -> None:
    """Note that zeros inside the size let the size on the disk follow.

    Where the range ends before the size, newer kernels do so and older ones do not.
    """
    if start <= file.size:
        promise(file, event, end, is_certain=end >= file.size)


def _tail(file: FileHistory, event: int, start: int) -> bytes:
    return file.content(file.size, after(event), {})[start:]


def allocate_delayed(file: FileHistory, now: Moment) -> None:
    """Note that ext4 allocates the blocks that it has delayed, and the size with them."""
    least = min([file.base_size, *(s.size for s in file.sizes if s.is_explicit)])
    start = round_up(least, file.block_bytes)
    ends = (
        file.reserved.last_free_end(max(extent.start, start), extent.end)
        for extent in file.extents
        if not extent.is_whole and extent.end > start
    )
    if end := max(ends, default=0):
        file.promised.append(SizePromise(now, min(file.size, end)))


def promise(file: FileHistory, event: int, end: int, *, is_certain: bool) -> None:
    """Note that a call has set the size on the disk to the end of its range."""
    if file.sizes:
        file.promised.append(SizePromise(part(event, 1), min(file.size, end), is_certain))
