"""Deadlines: when the work of a campaign with a time budget has to end.

A deadline is asked before each boot, each recovery and each image that is built. Without a time
budget nothing here looks at a clock, so that the same seed gives the same run.

Not here: work that does not come to such a place in time (`walcrash.campaign.pool` ends its job).
"""

import time
from dataclasses import dataclass, replace
from typing import Final


class TimeOver(Exception):
    """The time is over: what was under way says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """When work has to end, by `time.monotonic()`: one clock for all processes of a machine.

    Attributes:
        at: the end; None where there is none.
        name_until: when a failure that was found is no longer sought in stricter models, so that
            there is time to confirm it; None where that is the end.
    """

    at: float | None = None
    name_until: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether work has to end now."""
        return self.at is not None and time.monotonic() >= self.at

    @property
    def is_naming_over(self) -> bool:
        """Whether a failure is taken as it was found."""
        until = self.at if self.name_until is None else self.name_until
        return until is not None and time.monotonic() >= until

    def check(self) -> None:
        """Go on only if there is time.

        Raises:
            TimeOver: there is none.
        """
        if self.is_over:
            raise TimeOver

    @property
    def seconds_left(self) -> float | None:
        """How long it is until the end; None where there is none."""
        return None if self.at is None else self.at - time.monotonic()

    def earlier(self, seconds: float) -> "Deadline":
        """Return a deadline that leaves so much time until this one."""
        return self if self.at is None else replace(self, at=self.at - seconds)

    def within(self, seconds: float) -> float:
        """Return a time limit that does not go beyond the end; at least a moment."""
        if self.at is None:
            return seconds
        return min(seconds, max(_MOMENT_SECONDS, self.at - time.monotonic()))


_MOMENT_SECONDS: Final = 0.001

NO_DEADLINE: Final = Deadline()
"""What work without a time budget has."""
