"""The injector: asks the injected faults of a boot what happens in place of each event.

It tells them by how much the files would grow, which a full disk counts. Room that a file has been
given before (fallocate with KEEP_SIZE) is no growth. A subject that makes the failing calls again
and again in one operation is stopped by their count, and by no clock.

Not here: what a fault says (`walcrash.values.faults`), performing it (`supervisor`, `writing`).

Source: `stat(2)`, `st_blocks`.
"""

import os
from collections.abc import Sequence
from typing import Final

from walcrash.recorder.holding import Held, Holding
from walcrash.recorder.status import FileStatus, status_of, status_of_name
from walcrash.recorder.writing import start_of_write
from walcrash.values.event import EventKind
from walcrash.values.faults import Attempt, Injection, Instead
from walcrash.values.limits import INJECTED_PER_CALL
from walcrash.values.moments import BLOCK_BYTES

_STAT_UNIT_BYTES: Final = 512


class NeverGivesUp(Exception):
    """One operation met more injected errors than anybody needs to believe them."""


class Injector:
    """The faults of one boot at work; there are some, else nobody asks."""

    def __init__(self, injections: Sequence[Injection], directory: bytes, holding: Holding) -> None:
        """Begin a boot in a directory; `holding` has its slow calls."""
        self._injections = injections
        self._directory = directory
        self._holding = holding
        self._call = -1
        self._injected = 0

    def write(
        self, call: int, path: str, fd: int, length: int, offset: int | None, flags: int
    ) -> Instead | None:
        """Return what happens in place of a write of so many bytes; the arguments are its own.

        Raises:
            NeverGivesUp: the operation has met too many errors.
            Held: it is slow.
        """
        status = status_of(fd)
        end = start_of_write(fd, offset, flags) + length
        growth_bytes = max(0, end - _room_end(status)) if length else 0
        return self._ask(Attempt(EventKind.WRITE, call, path, length, growth_bytes))

    def event(
        self, kind: EventKind, call: int, path: str, path_to: str, offset: int, length: int,
        *, file: int = -1,
    ) -> Instead | None:  # fmt: skip
        """Return what happens in place of another event; the arguments are those of `Event`.

        Raises:
            NeverGivesUp: the operation has met too many errors.
            Held: it is slow.
        """
        growth_bytes = self._growth_bytes(kind, path, path_to, offset, length)
        return self._ask(Attempt(kind, call, path, length, growth_bytes, file))

    def _ask(self, attempt: Attempt) -> Instead | None:
        """Return what the first fault says that says anything; each of them sees the attempt."""
        if self._holding.is_releasing:
            return None  # it was asked when the call began
        every = [each.instead(attempt) for each in self._injections]
        instead = next((each for each in every if each is not None), None)
        if instead is not None and instead.delay_ms:
            if self._holding.may_hold():
                raise Held(attempt.kind, attempt.path, instead.delay_ms)
            return None
        if instead is not None:
            self._injected = self._injected + 1 if attempt.call == self._call else 1
            self._call = attempt.call
            if self._injected > INJECTED_PER_CALL:
                raise NeverGivesUp
        return instead

    def _growth_bytes(
        self, kind: EventKind, path: str, path_to: str, offset: int, length: int
    ) -> int:
        if kind is EventKind.TRUNCATE:
            # A file that is made longer has a hole there.
            return min(0, offset - self._size(path))
        if kind is EventKind.ALLOCATE:
            return max(0, offset + length - self._size(path))
        if kind in (EventKind.UNLINK, EventKind.RENAME):
            return -self._freed_bytes(path if kind is EventKind.UNLINK else path_to)
        return 0

    def _size(self, path: str) -> int:
        try:
            return status_of(self._full(path)).st_size if path else 0
        except OSError:
            return 0

    def _freed_bytes(self, path: str) -> int:
        """Return what is free when a name has gone."""
        try:
            status = status_of_name(self._full(path))
        except OSError:
            return 0
        return status.st_size if status.st_nlink == 1 else 0

    def _full(self, path: str) -> bytes:
        return self._directory + b"/" + os.fsencode(path)


def _room_end(status: FileStatus) -> int:
    """Return up to where a file has its room: its end, or that of the blocks it was given."""
    blocks_end = status.st_blocks * _STAT_UNIT_BYTES
    own_end = -(-status.st_size // BLOCK_BYTES) * BLOCK_BYTES
    return blocks_end if blocks_end > own_end else status.st_size
