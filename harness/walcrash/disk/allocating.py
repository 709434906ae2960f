"""Allocation: what each mode of fallocate does to a file.

Not here: blocks that ext4 allocates by itself (`file_history`).

Source: `fallocate(2)`.
"""

from typing import Final

from walcrash.disk.file_history import FileHistory
from walcrash.values.moments import after

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
    elif mode & _INSERT_RANGE:
        file.replace_tail(event, start, bytes(length) + _tail(file, event, start))
    elif mode & ~(_KEEP_SIZE | _PUNCH_HOLE | _ZERO_RANGE | _UNSHARE_RANGE):
        return False
    else:
        if mode & (_PUNCH_HOLE | _ZERO_RANGE):
            file.zero(event, start, end)
        if not mode & _KEEP_SIZE and end > file.size:
            file.resize(event, end)
    return True


def _tail(file: FileHistory, event: int, start: int) -> bytes:
    return file.content(file.size, after(event), {})[start:]
