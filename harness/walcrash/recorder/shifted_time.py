"""The answers of a shifted wall clock, to programs that ask by a system call or wait for a time.

- One that makes the system call itself gets the shifted time as the answer.
- A wait for a time on the wall clock ends when that comes on the shifted one. A wait on a futex
  ends early instead, again and again, as the kernel may end it: whoever waits looks again.

Not here: the vDSO, through which most programs ask (`clock`).

Source: `clock_gettime(2)`, `futex(2)`, `clock_nanosleep(2)`.
"""

import errno
import os
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from walcrash.recorder.memory import read_exactly, write_exactly

# limits
_FUTEX_SLICE_NS: Final = 2_000_000
"""How long a wait on a futex lasts before it ends early."""

_TIMESPEC: Final = struct.Struct("<qq")
_SECOND_NS: Final = 1_000_000_000

Arguments = Sequence[int]


class Later:
    """The answer to a call that is given at another time."""

    def __init__(self, in_ns: int, result: int) -> None:
        self.at_ns = time.monotonic_ns() + in_ns
        self.result = result


TimeHandler = Callable[[int, Arguments], int | Later]
"""(thread id, arguments) -> result, negative errno, or that at another time."""


class ShiftedTime:
    """A wall clock that is so many seconds ahead."""

    def __init__(self, shift_seconds: int) -> None:
        self._shift_seconds = shift_seconds
        self._shift_ns = shift_seconds * _SECOND_NS

    def by_name(self) -> dict[str, TimeHandler]:
        """Return what answers each call; each may raise OSError, and nothing has happened then."""
        return {
            "clock_gettime": self._clock_gettime,
            "gettimeofday": self._gettimeofday,
            "time": self._time,
            "futex": self._futex,
            "clock_nanosleep": self._clock_nanosleep,
        }

    def _clock_gettime(self, tid: int, a: Arguments) -> int:
        now_ns = time.clock_gettime_ns(a[0]) + self._shift_ns
        write_exactly(tid, a[1], _TIMESPEC.pack(*divmod(now_ns, _SECOND_NS)))
        return 0

    def _gettimeofday(self, tid: int, a: Arguments) -> int:
        seconds, rest_ns = divmod(time.time_ns() + self._shift_ns, _SECOND_NS)
        if a[0]:
            write_exactly(tid, a[0], _TIMESPEC.pack(seconds, rest_ns // 1000))
        if a[1]:
            write_exactly(
                tid, a[1], bytes(8)
            )  # the kernel's time zone, which is 0 where nobody set it
        return 0

    def _time(self, tid: int, a: Arguments) -> int:
        seconds = time.time_ns() // _SECOND_NS + self._shift_seconds
        if a[0]:
            write_exactly(tid, a[0], struct.pack("<q", seconds))
        return seconds

    def _futex(self, tid: int, a: Arguments) -> int | Later:
        left_ns = self._left_ns(tid, time.CLOCK_REALTIME, a[3])
        (value,) = struct.unpack("<I", read_exactly(tid, a[0], 4))
        if value != a[2] & 0xFFFF_FFFF:
            return -errno.EAGAIN
        if left_ns <= 0:
            return -errno.ETIMEDOUT
        if left_ns <= _FUTEX_SLICE_NS:
            return Later(left_ns, -errno.ETIMEDOUT)
        return Later(_FUTEX_SLICE_NS, -errno.EAGAIN)

    def _clock_nanosleep(self, tid: int, a: Arguments) -> int | Later:
        left_ns = self._left_ns(tid, a[0], a[2])
        return Later(left_ns, 0) if left_ns > 0 else 0

    def _left_ns(self, tid: int, clock: int, address: int) -> int:
        """Return how long it is until a time on the shifted clock."""
        seconds, rest_ns = _TIMESPEC.unpack(read_exactly(tid, address, _TIMESPEC.size))
        if seconds < 0 or not 0 <= rest_ns < _SECOND_NS:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        due_ns = int(seconds * _SECOND_NS + rest_ns)
        return due_ns - self._shift_ns - time.clock_gettime_ns(clock)
