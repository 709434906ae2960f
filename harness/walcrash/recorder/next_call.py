"""The wait for the next call of a worker: until when, and why there is none.

Not here: answering it (`supervisor`), which slow call goes on (`holding`).

Source: `seccomp_unotify(2)`, `pidfd_open(2)`, `poll(2)`.
"""

import select
import time
from typing import Final, Protocol

from walcrash.recorder.holding import PAUSE_MS, Holding
from walcrash.recorder.recording import RawRow, WatchEnd
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.values.faults import KillTimer

_CLOCK_CHECK_CALLS: Final = 1024


class Watching(Protocol):
    """What the wait knows of whoever answers."""

    rows: list[RawRow]
    call_started: float
    holding: Holding | None

    def land_behind_all(self) -> None:
        """Let the crash fall behind the last event."""
        ...


class NextCall:
    """Waits for one worker's calls."""

    def __init__(self, watching: Watching, listener: int, pidfd: int, plan: WatchPlan) -> None:
        self._watching = watching
        self._listener = listener
        self._plan = plan
        self._timer = plan.crash if isinstance(plan.crash, KillTimer) else None
        self._deadline: float | None = None
        self._is_bounded = self._timer is not None or plan.ends_at is not None
        self._limit_ms = plan.seconds_per_call * 1000
        self._calls_seen = 0
        self._holding = watching.holding
        self._one_call = [(listener, select.POLLIN)]
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)
        self._poll.register(pidfd, select.POLLIN)

    def wait(self) -> WatchEnd | None:
        """Wait for the next call, a new one or a slow one that goes on; return why there is none.

        Raises:
            Killed: the timer has run out.
        """
        # Calls are counted and not events: a worker can be busy with what leaves none.
        self._calls_seen += 1
        if self._timer is not None or not self._calls_seen % _CLOCK_CHECK_CALLS:
            if len(self._watching.rows) > self._plan.events:
                return WatchEnd.TOO_LONG
            if self._is_over():
                return WatchEnd.HUNG
            self._check_timer()
        if self._holding:
            return self._wait_holding(self._holding)
        ready = self._poll.poll(self._patience_ms() if self._is_bounded else self._limit_ms)
        if ready == self._one_call:
            return None
        if not ready:
            self._check_timer()
            return WatchEnd.HUNG
        return self._ended(ready)

    def _ended(self, ready: list[tuple[int, int]]) -> WatchEnd | None:
        if any(fd == self._listener and what & select.POLLIN for fd, what in ready):
            return None
        return WatchEnd.EXITED

    def _wait_holding(self, holding: Holding) -> WatchEnd | None:
        """Wait while calls are held: for other calls, or until one of these goes on."""
        is_quiet = False
        while holding:
            if holding.release_due(len(self._watching.rows), is_quiet=is_quiet):
                return None
            if self._timer is not None:
                self._check_timer()
            if self._is_over():
                return WatchEnd.HUNG
            ready = self._poll.poll(PAUSE_MS if holding and is_quiet else 0)
            if ready:
                return self._ended(ready)
            is_quiet = True
        # Whoever made them is gone.
        return self.wait()

    def _is_over(self) -> bool:
        """Whether the operation under way has had its time, or the watch has."""
        now = time.monotonic()
        is_slow = now - self._watching.call_started > self._limit_ms / 1000
        return is_slow or now >= (self._plan.ends_at or now + 1)

    def _patience_ms(self) -> float:
        ends = [each for each in (self._deadline, self._plan.ends_at) if each is not None]
        if not ends:
            return self._limit_ms
        return max(0.0, min(self._limit_ms, (min(ends) - time.monotonic()) * 1000 + 1))

    def _check_timer(self) -> None:
        """Kill where the timer has run out; start the timer at the first event."""
        if self._timer is None or not self._watching.rows:
            return
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._timer.delay_us / 1e6
        if now >= self._deadline:
            self._watching.land_behind_all()
