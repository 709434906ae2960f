"""Whether a subject can go on while one of its calls is slow: what its other threads wait for.

A thread can go on if it runs, and if it sleeps for a time; one that sleeps until somebody wakes it
cannot, where everybody who could wake it sleeps as well. Two polls in a row must show the same
sleep, with nothing done in between.

How long threads that run are waited for is counted in their own time on a processor: on a machine
that is busy otherwise they need longer by the clock, and do no less.

Not here: what follows (`holding`).

Source: `proc_pid_syscall(5)`, `proc_pid_status(5)`; `Documentation/scheduler/sched-stats.rst`,
`/proc/<pid>/schedstat`; the manual page of each call, section 2;
`arch/x86/entry/syscalls/syscall_64.tbl`, `include/uapi/asm-generic/unistd.h`.
"""

import os
import time
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache
from typing import Final

from walcrash.recorder import abi

# name: (x86-64, aarch64, the argument that limits the wait)
_TIMED: Final[dict[str, tuple[int, int | None, int]]] = {
    "futex": (202, 98, 3),
    "poll": (7, None, 2),
    "ppoll": (271, 73, 2),
    "select": (23, None, 4),
    "pselect6": (270, 72, 4),
    "epoll_wait": (232, None, 3),
    "epoll_pwait": (281, 22, 3),
    "epoll_pwait2": (441, 441, 3),
    "futex_waitv": (449, 449, 3),
    "rt_sigtimedwait": (128, 137, 2),
    "semtimedop": (220, 192, 3),
    "nanosleep": (35, 101, 0),
    "clock_nanosleep": (230, 115, 2),
    "io_getevents": (208, 4, 4),
    "recvmmsg": (299, 243, 4),
}
"""Calls that may end because time has passed."""

_IN_NUMBERS: Final = frozenset({"poll", "epoll_wait", "epoll_pwait"})
"""Calls whose limit is a number of milliseconds, less than 0 for none; else it is a pointer."""

_DEAD: Final = frozenset("ZX")
_ASLEEP: Final = frozenset("SD")

Sleep = tuple[str, str]
"""What `/proc` says of a thread's call, and how often it has slept."""


class Others(Enum):
    """What the threads of a subject do that are in no slow call."""

    RUN = "run"
    SLEEP_FOR_A_TIME = "sleep for a time"
    CANNOT_GO_ON = "cannot go on"


class Patience:
    """Waits for threads that run, and do not come to an end or to sleep.

    Args:
        tids: the threads that are waited for, at the time of asking.
        own_seconds: how much of their time on a processor, together; of the clock where the kernel
            does not say how much that is.
        clock_seconds: how long at most by the clock.
    """

    def __init__(
        self, tids: Callable[[], Iterable[int]], own_seconds: float, clock_seconds: float
    ) -> None:
        self._tids = tids
        self._own_seconds = own_seconds
        self._clock_seconds = clock_seconds
        self._began = time.monotonic()
        self._ran = {tid: _ran_seconds(tid) for tid in tids()}

    def is_over(self) -> bool:
        """Whether they have had their time."""
        waited = time.monotonic() - self._began
        if waited < self._own_seconds or waited >= self._clock_seconds:
            return waited >= self._clock_seconds
        now = {tid: _ran_seconds(tid) for tid in self._tids()}
        if None in now.values():
            return True
        before = self._ran
        used = (max(0.0, ran - (before.get(tid) or 0.0)) for tid, ran in now.items() if ran)
        return sum(used) >= self._own_seconds


class WaitingThread:
    """Polls one thread."""

    def __init__(self, tid: int) -> None:
        self._tid = tid
        self._last: Sleep | None = None

    def is_asleep(self) -> bool:
        """Whether it sleeps as it did at the poll before, or has ended."""
        now, last = _sleep_of(self._tid), self._last
        self._last = now
        return now is not None and (now == last or not now[0])


class WaitingThreads:
    """Polls the threads of some processes."""

    def __init__(self) -> None:
        self._last: dict[int, Sleep] | None = None

    def poll(self, pids: Iterable[int], held: Iterable[int]) -> Others:
        """Return what all threads of these processes do but those that are held."""
        now: dict[int, Sleep] = {}
        for tid in threads_of(pids) - set(held):
            sleep = _sleep_of(tid)
            if sleep is None:
                self._last = None
                return Others.RUN
            if sleep[0]:
                now[tid] = sleep
        if not now:
            return Others.CANNOT_GO_ON
        last, self._last = self._last, now
        if now != last:
            return Others.RUN
        is_timed = any(_is_timed(call) for call, _ in now.values())
        return Others.SLEEP_FOR_A_TIME if is_timed else Others.CANNOT_GO_ON


def _ran_seconds(tid: int) -> float | None:
    """Return how long a thread was on a processor, 0 where it has ended; None if nobody says."""
    try:
        with open(f"/proc/{tid}/schedstat", "rb", buffering=0) as file:
            return int(file.read(1024).split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0 if not os.path.exists(f"/proc/{tid}") else None
    except (OSError, ValueError, IndexError):
        return None


def main_thread_of(tid: int) -> int:
    """Return the first thread of a thread's process; the thread itself where nobody says."""
    try:
        with open(f"/proc/{tid}/status", "rb", buffering=0) as file:
            return int(file.read(1 << 16).partition(b"\nTgid:\t")[2].split(None, 1)[0])
    except (OSError, ValueError, IndexError):
        return tid


def threads_of(pids: Iterable[int]) -> set[int]:
    """Return all threads of some processes."""
    return {tid for pid in pids for tid in _threads_of(pid)}


def _threads_of(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _sleep_of(tid: int) -> Sleep | None:
    """Return what a thread sleeps in, empty where it has ended; None where it may run."""
    try:
        with open(f"/proc/{tid}/status", "rb", buffering=0) as file:
            status = file.read(1 << 16).decode("ascii", "replace")
        state = status.partition("State:\t")[2][:1]
        if state in _DEAD:
            return "", ""
        if state not in _ASLEEP:
            return None
        with open(f"/proc/{tid}/syscall", "rb", buffering=0) as file:
            call = file.read(1024).decode("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    except OSError:
        return None  # nobody may look; it may run
    return None if call.startswith("running") else (call, status.partition("ctxt_switches:")[2])


def _is_timed(call: str) -> bool:
    """Whether a call, as `/proc` shows it, may end because time has passed."""
    number, *arguments = call.split()
    name = _names().get(int(number))
    if name is None:
        return False
    limit = int(arguments[_TIMED[name][2]], 16)
    if name in _IN_NUMBERS:
        return limit & 0x8000_0000 == 0
    return limit != 0


@cache
def _names() -> dict[int, str]:
    table = abi.architecture()
    if table is None:
        return {}
    column = 0 if table.has_x32 else 1
    return {row[column]: name for name, row in _TIMED.items() if row[column] is not None}  # type: ignore[misc]
