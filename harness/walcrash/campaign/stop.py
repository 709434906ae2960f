"""Stops: whether a campaign hands out no more cases, and why.

Only a time budget and an asked-for end where nothing new comes (`--until-quiet`) look at the clock.

Not here: how the time is shared (`time_budget`), how work is ended (`pool`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from walcrash.values.log import StopReason

_FIRST: Final = (
    StopReason.INTERRUPTED,
    StopReason.TIME_OVER,
    StopReason.QUIET,
    StopReason.NOTHING_NEW,
)
"""Of several reasons the one that is told: what was cut goes before what was enough."""


@dataclass(slots=True)
class Stop:
    """Why a campaign hands out no more cases; changed as it goes.

    `deadline` is the end of the whole campaign, by `time.monotonic()`.
    """

    reason: StopReason | None = None
    is_interrupted: bool = False
    deadline: float | None = None

    def note(self, reason: StopReason) -> None:
        """Say why a scenario gets no more cases, or why something else was cut."""
        known = [each for each in (self.reason, reason) if each in _FIRST]
        self.reason = min(known, key=_FIRST.index, default=None)

    def interrupt(self) -> None:
        """Somebody asked to stop; safe to call from a signal handler."""
        self.is_interrupted = True
        self.reason = StopReason.INTERRUPTED

    @property
    def is_now(self) -> bool:
        """Whether nothing more is handed out."""
        return self.is_interrupted or (
            self.deadline is not None and time.monotonic() >= self.deadline
        )


class Quiet:
    """Notices that nothing new came for a while; the clock runs from when it was made.

    Args:
        seconds: how long; None never notices.
        clock: seconds that only grow.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since = clock()
        self._known = 0

    def is_over(self, known: int) -> bool:
        """Take in how much is known by now; return whether that has not grown for so long."""
        now = self._clock()
        if known > self._known:
            self._known, self._since = known, now
        return self._seconds is not None and now - self._since >= self._seconds
