"""Prefaulting: the pages that one fork wrote to are copied in advance in the next fork.

A fork shares each page with its parent until the fork writes to the page; then the kernel copies
the page, which takes about as long as hundreds of lines of Python. A fork that waits for its turn
can have those copies made in advance: the next fork most likely writes to the same pages. No byte
changes; only time is saved.

Not here: pages of files, which stay shared; memory that the fork allocates itself.

Source: Linux, Documentation/admin-guide/mm/pagemap.rst, bits 56, 61 and 63; `madvise(2)`,
MADV_POPULATE_WRITE (5.14); `process_madvise(2)`, which since 6.13 takes any advice about the
calling process. Where the kernel lacks the first two, nothing is found or done; where it lacks
the last, each range is a call of its own.
"""

import ctypes
import mmap
import os
from array import array
from collections.abc import Sequence
from typing import Final

from walcrash.recorder.descendants import libc

Range = tuple[int, int]
"""Memory: its first address, its length in bytes."""

_MADV_POPULATE_WRITE: Final = 23
_SYS_PROCESS_MADVISE: Final = 440
"""The number of the call, the same on all architectures."""

_IS_PRESENT: Final = 1 << 63
_IS_OF_A_FILE: Final = 1 << 61
_IS_OURS_ALONE: Final = 1 << 56
_WORD: Final = 8

# limits
PAGES: Final = 4096
"""Most pages that are written to in advance: more would fill caches and memory for nothing."""

RANGES: Final = 1024
"""Most ranges in one call, `UIO_MAXIOV` of the kernel."""


class _Span(ctypes.Structure):
    """A `struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


Ahead = ctypes.Array[_Span]
"""Ranges as the kernel takes them."""


def find_written(pid: int) -> tuple[Range, ...]:
    """Return the private memory of a fork that nobody shares with it any more.

    That is what it wrote to, and what its parent wrote to since. At most `PAGES` pages; nothing
    where the kernel does not say.
    """
    found: list[Range] = []
    left = PAGES
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as listing:
            areas = [_read_area(line) for line in listing]
        fd = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ()
    try:
        for start, length in filter(None, areas):
            for page in _ours_alone(fd, start, length)[:left]:
                _add_page(found, page)
                left -= 1
    except OSError:
        return ()
    finally:
        os.close(fd)
    return tuple(found)


def _read_area(line: str) -> Range | None:
    """Return a line's area if it is private and can be written to."""
    addresses, rights = line.split(None, 2)[:2]
    if rights != "rw-p":
        return None
    start, _, end = addresses.partition("-")
    return int(start, 16), int(end, 16) - int(start, 16)


def _ours_alone(fd: int, start: int, length: int) -> list[int]:
    """Return the addresses of the pages in an area that no other process has."""
    words = array("Q")
    words.frombytes(os.pread(fd, length // mmap.PAGESIZE * _WORD, start // mmap.PAGESIZE * _WORD))
    wanted = _IS_PRESENT | _IS_OURS_ALONE
    return [
        start + index * mmap.PAGESIZE
        for index, word in enumerate(words)
        if word & (wanted | _IS_OF_A_FILE) == wanted
    ]


def _add_page(found: list[Range], page: int) -> None:
    if found and sum(found[-1]) == page:
        found[-1] = (found[-1][0], found[-1][1] + mmap.PAGESIZE)
    else:
        found.append((page, mmap.PAGESIZE))


def prepare(ranges: Sequence[Range]) -> Ahead:
    """Return ranges in the form in which `write_ahead` takes them: made once, used by each fork.

    At most `RANGES` are taken. Gaps are not: a page that nobody writes to is a copy for nothing.
    """
    taken = ranges[:RANGES]
    return (_Span * len(taken))(*(_Span(*span) for span in taken))


def write_ahead(ahead: Ahead) -> None:
    """Have the pages copied now, whose copies the first write to them would wait for."""
    # What is not there, or not possible, is left to the work itself.
    if ahead and not _advise_at_once(ahead):
        for span in ahead:
            libc.madvise(
                ctypes.c_void_p(span.base), ctypes.c_size_t(span.length), _MADV_POPULATE_WRITE
            )


def _advise_at_once(ahead: Ahead) -> bool:
    """Give the advice about all ranges in one call; return whether the kernel takes it."""
    try:
        this_process = os.pidfd_open(os.getpid())
    except OSError:
        return False
    advised = libc.syscall(
        ctypes.c_long(_SYS_PROCESS_MADVISE),
        ctypes.c_long(this_process),
        ahead,
        ctypes.c_long(len(ahead)),
        ctypes.c_long(_MADV_POPULATE_WRITE),
        ctypes.c_long(0),
    )
    os.close(this_process)
    return bool(advised > 0)
