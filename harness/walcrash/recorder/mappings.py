"""Shared mappings: what a worker changes in its files without a call.

A file and its shared mappings are the same pages, so that the harness reads in the file what
was stored. It keeps a copy of each file that is mapped and may be stored to. Before each event
it compares, page by page; every other change passes through the harness, which makes it in the
copy too, so that what differs was stored.

Only data is read and kept, so a sparse file costs what is in it. Each file is compared whole: so
it does not matter where it is mapped, by which processes, and whether a mapping was moved,
grown or removed since the last comparison.

Not here: the order of the stores between two comparisons, which nobody can see; what was stored and
put back between them; an msync through a mapping of a descriptor that was opened to read, which
Linux does not sync and this does, if the file is mapped to be stored to as well.

Source: `mmap(2)`, `msync(2)`, `lseek(2)` (SEEK_DATA), `proc_pid_maps(5)`.
"""

import errno
import os
from dataclasses import dataclass, field
from typing import Final, Self

from walcrash.recorder.memory_maps import Region, all_shared_regions, regions
from walcrash.recorder.processes import OpenFile
from walcrash.recorder.recording import RawRow
from walcrash.recorder.status import status_of
from walcrash.values.event import EventKind

PAGE_BYTES: Final = 4096
"""The unit in which stores are recorded; processors with larger pages store no differently."""

_PIECE_BYTES: Final = 16 * PAGE_BYTES
_ZEROS: Final = bytes(_PIECE_BYTES)

# limits
MOST_MAPPED_BYTES: Final = 256 << 20
"""Data in the mapped files of one boot; beyond that their stores are not followed, and named."""

FILES_BEFORE_ASKING: Final = 64
"""Files that are held before it is asked which of them are still mapped."""

MOST_HELD_FILES: Final = 256
"""Files that can be mapped at the same time; each takes a descriptor of the harness."""

_KEEP_SIZE: Final = 0x01
_PUNCH_HOLE: Final = 0x02
_ZERO_RANGE: Final = 0x10
_UNSHARE_RANGE: Final = 0x40


@dataclass(slots=True)
class MappedFile:
    """A file that can be stored to, and what it held when it was last compared.

    Attributes:
        fd: a descriptor of our own.
        key: its device and inode.
        number: the file's number in the trace.
        path: its current name relative to the directory.
        thread: the thread that mapped it last.
        shows_holes: whether it can be asked where data is.
        pieces: the content by its position in pieces; what is missing is zeros.
    """

    fd: int
    key: tuple[int, int]
    number: int
    path: str
    thread: int
    shows_holes: bool
    pieces: dict[int, bytearray] = field(default_factory=dict)

    @classmethod
    def of(cls, file: OpenFile, thread: int) -> Self:
        """Begin to follow a file that is about to be mapped."""
        try:
            # An open file of our own: asking for data moves the offset, and the worker's is shared.
            fd, shows_holes = os.open(f"/proc/self/fd/{file.fd}", os.O_RDONLY | os.O_CLOEXEC), True
        except PermissionError:
            fd, shows_holes = os.dup(file.fd), False
        status = status_of(fd)
        key = (status.st_dev, status.st_ino)
        mapped = cls(fd, key, file.number, file.path, thread, shows_holes)
        mapped.stores()
        return mapped

    def is_in(self, region: Region) -> bool:
        """Whether a region is of this file; some file systems show a device of their own there."""
        if (region.device, region.inode) == self.key:
            return region.is_shared
        if not region.is_shared or not region.inode:
            return False
        return region.path == os.readlink(b"/proc/self/fd/%d" % self.fd)

    def stores(self) -> list[tuple[int, bytes]]:
        """Return the offset and bytes of each run of pages that has changed since the last call."""
        size = status_of(self.fd).st_size
        runs: list[tuple[int, bytearray]] = []
        for index in sorted(self._pieces_with_data(size) | self.pieces.keys()):
            at = index * _PIECE_BYTES
            data = os.pread(self.fd, _PIECE_BYTES, at).ljust(_PIECE_BYTES, b"\0")
            known = self.pieces.get(index, _ZEROS)
            if data != known:
                _add_changed_pages(runs, at, data, known)
                self.pieces[index] = bytearray(data)
        return [(start, bytes(data[: max(0, size - start)])) for start, data in runs]

    def _pieces_with_data(self, size: int) -> set[int]:
        if not self.shows_holes:
            return set(range(-(-size // _PIECE_BYTES)))
        found: set[int] = set()
        at = 0
        while at < size:
            try:
                start = os.lseek(self.fd, at, os.SEEK_DATA)
            except OSError as problem:
                if problem.errno != errno.ENXIO:
                    raise
                break
            # A hole may have come behind a start that was data a moment ago.
            end = max(start + 1, os.lseek(self.fd, start, os.SEEK_HOLE))
            last = (end - 1) // _PIECE_BYTES
            found.update(range(start // _PIECE_BYTES, last + 1))
            at = (last + 1) * _PIECE_BYTES
        return found

    def write(self, offset: int, data: bytes) -> None:
        """Take over what a call has written."""
        end = offset + len(data)
        for index in range(offset // _PIECE_BYTES, -(-end // _PIECE_BYTES)):
            at = index * _PIECE_BYTES
            low, high = max(offset, at), min(end, at + _PIECE_BYTES)
            if index not in self.pieces:
                self.pieces[index] = bytearray(_PIECE_BYTES)
            self.pieces[index][low - at : high - at] = data[low - offset : high - offset]

    def zero(self, start: int, end: int) -> None:
        """Take over that a range reads as zeros, or that the file ends at its start."""
        for index in list(self.pieces):
            at = index * _PIECE_BYTES
            low, high = max(start, at), min(end, at + _PIECE_BYTES)
            if high - low == _PIECE_BYTES:
                del self.pieces[index]
            elif high > low:
                self.pieces[index][low - at : high - at] = bytes(high - low)


def _add_changed_pages(
    runs: list[tuple[int, bytearray]], at: int, data: bytes, known: bytes | bytearray
) -> None:
    for low in range(0, _PIECE_BYTES, PAGE_BYTES):
        page = data[low : low + PAGE_BYTES]
        if page == known[low : low + PAGE_BYTES]:
            continue
        if runs and runs[-1][0] + len(runs[-1][1]) == at + low:
            runs[-1][1].extend(page)
        else:
            runs.append((at + low, bytearray(page)))


@dataclass(frozen=True, slots=True)
class SyncedRange:
    """A part of a file that an msync covers."""

    file: MappedFile
    offset: int
    length: int


class Mappings:
    """The files of one boot that are mapped, by number.

    `given_up` names those whose stores are no longer followed.
    """

    def __init__(self) -> None:
        self.files: dict[int, MappedFile] = {}
        self.given_up: set[str] = set()
        self._ask_at = FILES_BEFORE_ASKING

    def add(self, file: OpenFile, thread: int) -> None:
        """Follow a file, from just before it is mapped."""
        if file.number in self.files:
            self.files[file.number].thread = thread
            return
        if self.given_up:
            return
        if len(self.files) >= MOST_HELD_FILES:
            self.given_up.add(f"mmap (shared, writable) of more than {MOST_HELD_FILES} files")
            return
        self.files[file.number] = MappedFile.of(file, thread)
        self._limit_bytes()

    def diff(self) -> list[tuple[MappedFile, int, bytes]]:
        """Return what was stored since the last comparison, in the order of the pages."""
        stored = [
            (file, offset, data)
            for file in self.files.values()
            for offset, data in file.stores()
            if data
        ]
        if stored:
            self._limit_bytes()
        return stored

    def _limit_bytes(self) -> None:
        if sum(len(file.pieces) for file in self.files.values()) * _PIECE_BYTES > MOST_MAPPED_BYTES:
            most = f"{MOST_MAPPED_BYTES >> 20} MiB of data"
            self.given_up.add(f"mmap (shared, writable) of files with more than {most}")
            self.close()

    def follow(self, row: RawRow) -> None:
        """Take over what a recorded call has done to a file, if it is mapped."""
        kind, file, result = row[0], self.files.get(row[4]), row[10]
        if file is None or result < 0:
            return
        offset, length, flags = row[5], row[6], row[8]
        if kind is EventKind.WRITE:
            file.write(offset, row[7][:result])
        elif kind is EventKind.TRUNCATE:
            file.zero(offset, 1 << 63)
        elif kind is EventKind.ALLOCATE:
            if flags & (_PUNCH_HOLE | _ZERO_RANGE):
                file.zero(offset, offset + length)
            elif flags & ~(_KEEP_SIZE | _UNSHARE_RANGE):
                # Everything behind the offset has moved.
                file.stores()

    def unmapped(self, thread: int) -> list[int]:
        """Return which files no process has mapped any more, if there are many.

        A thread that has been let go on into mmap may not be there yet; it is when it calls
        again. Compare once more before they are dropped.
        """
        if len(self.files) < self._ask_at:
            return []
        shared = all_shared_regions()
        found = [
            number
            for number, file in self.files.items()
            if file.thread == thread and not any(file.is_in(region) for region in shared)
        ]
        # Asking takes long: not again before there are twice as many as are left.
        self._ask_at = max(FILES_BEFORE_ASKING, 2 * (len(self.files) - len(found)))
        return found

    def drop(self, numbers: list[int]) -> None:
        """Follow some files no longer."""
        for number in numbers:
            file = self.files.pop(number, None)
            if file is not None:
                os.close(file.fd)

    def close(self) -> None:
        """Follow nothing any more."""
        self.drop(list(self.files))

    def covered(self, pid: int, start: int, end: int) -> tuple[list[SyncedRange], bool]:
        """Return what of the files lies at a process's addresses, and whether all is mapped."""
        found, reached = [], start
        for region in regions(pid):
            low, high = max(start, region.start), min(end, region.end)
            if low >= high:
                continue
            if low == reached:
                reached = high
            file = next((f for f in self.files.values() if f.is_in(region)), None)
            if file is not None:
                offset = region.offset + low - region.start
                found.append(SyncedRange(file, offset, high - low))
        return found, reached >= end
