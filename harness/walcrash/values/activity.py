"""Activities: what a campaign does while no line of its event log comes.

Not here: the lines themselves (`log`), how it is shown (`walcrash.report.terminal`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class Step(Enum):
    """The part of a campaign that takes the time."""

    CASES = auto()
    MINIMISING = auto()
    REPLAYING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How far a step is.

    Attributes:
        step: which one.
        done: groups of failing cases that are minimised, or findings that are replayed.
        of: how many there are.
        tries: simpler cases that were run for the groups that are done.
    """

    step: Step = Step.CASES
    done: int = 0
    of: int = 0
    tries: int = 0


CASES = Activity()
"""Cases are run; how many is in the event log."""

Watch = Callable[[Activity], None]
"""Is called again and again while a campaign waits for its jobs."""
