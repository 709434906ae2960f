"""Wall clocks that jump: a whole boot has another time than the boots around it.

A dead battery of the clock, a correction by NTP, a restored virtual machine and a start on another
machine do that. Clocks that only count (CLOCK_MONOTONIC) stay as they are.

Not here: how a process gets another time (`walcrash.recorder.clock`), a clock that goes back behind
the last boot alone (`walcrash.case`).

Source: `clock_gettime(2)`, CLOCK_REALTIME: "affected by discontinuous jumps in the system time".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from walcrash.values.event import Event
from walcrash.values.faults.base import Draft, Injectable
from walcrash.values.faults.injected import FAULTS, Around, OutsideCalls
from walcrash.values.faults.nth_call import NONE_OF
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import Whole
from walcrash.values.limits import CLOCK_SHIFT_SECONDS

HOUR_SECONDS: Final = 3_600
DAY_SECONDS: Final = 86_400
YEAR_SECONDS: Final = 365 * DAY_SECONDS

JUMPS: Final = (
    *(HOUR_SECONDS, -HOUR_SECONDS),
    *(25 * HOUR_SECONDS, -25 * HOUR_SECONDS),
    *(400 * DAY_SECONDS, -400 * DAY_SECONDS),
    *(20 * YEAR_SECONDS, -20 * YEAR_SECONDS),
)
"""What is drawn where the scenario does not say: an hour, more than a day, more than a year, and so
far that 32 bits of seconds are over, or that no certificate and no file is so old. Each forward
and back, the simplest first."""

_SIZES: Final = (
    ("hours", 0),
    ("days", DAY_SECONDS),
    ("years", YEAR_SECONDS),
    ("decades", 10 * YEAR_SECONDS),
)
"""The kinds of jumps by their size, each with the seconds from which on it is one; `hours` are less
than a day."""

JUMP_NAMES: Final = tuple(
    f"clock {size} {way}" for size, _ in _SIZES for way in ("ahead", "behind")
)
"""The kinds of jumps, as `jump_name` gives them."""

_UNITS: Final = (("year", YEAR_SECONDS), ("day", DAY_SECONDS), ("hour", HOUR_SECONDS))


@FAULTS.add("clock")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump(OutsideCalls):
    """Another wall clock for a boot.

    Attributes:
        shift_seconds: how far it is ahead of the real one; less than 0 for behind.
    """

    shift_seconds: Annotated[int, Whole(-CLOCK_SHIFT_SECONDS, CLOCK_SHIFT_SECONDS)]

    @property
    def around(self) -> Around:
        """What its boot has around it."""
        return Around(clock_shift_seconds=self.shift_seconds)

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield smaller jumps in the same direction, the smallest first.

        Args:
            events: the trace of its boot, as far as it went.
        """
        del events
        alike = [jump for jump in JUMPS if (jump > 0) == (self.shift_seconds > 0)]
        yield from (
            replace(self, shift_seconds=jump)
            for jump in alike
            if abs(jump) < abs(self.shift_seconds)
        )

    def __str__(self) -> str:
        """Return the form that reports use: `the wall clock of boot 2 is 25 hours behind`."""
        way = "ahead" if self.shift_seconds > 0 else "behind"
        return f"the wall clock of boot {self.boot + 1} is {_span(abs(self.shift_seconds))} {way}"


def jump_name(seconds: int) -> str:
    """Return which kind of jump it is: `clock days behind`."""
    size = next(name for name, least in reversed(_SIZES) if abs(seconds) >= least)
    return f"clock {size} {'ahead' if seconds > 0 else 'behind'}"


def jump_names(plan: FaultPlan) -> list[str]:
    """Return the kinds of jumps that a plan may draw, in their order."""
    least, most = plan.shift_seconds
    # Each kind begins at its size, and ends a second in front of the next one's.
    edges = [edge for _, size in _SIZES for edge in (size, -size, size - 1, 1 - size)]
    within = (edge for edge in (least, most, *edges) if least <= edge <= most)
    jumps: Iterable[int] = JUMPS if least == most == 0 else within
    found = {jump_name(jump) for jump in jumps if jump}
    return [name for name in JUMP_NAMES if name in found]


def _span(seconds: int) -> str:
    for name, unit in _UNITS:
        if seconds % unit == 0 and seconds >= unit:
            count = seconds // unit
            return f"{count:,} {name}" + ("" if count == 1 else "s")
    return f"{seconds:,} seconds"


class ClockJumps(Injectable):
    """Wall clocks that jump, as a scenario asks for them."""

    kind = FaultKind.CLOCK
    keys = frozenset({"shift_seconds"})
    falls = "on a whole boot"

    def draw(self, plan: FaultPlan, draft: Draft) -> ClockJump | None:
        """Return another wall clock for the boot; None where this boot has the real one."""
        prng = draft.prng
        if prng.below(NONE_OF) == 0:
            return None
        least, most = plan.shift_seconds
        seconds = prng.choice(JUMPS) if least == most == 0 else prng.between(least, most)
        return ClockJump(boot=draft.boot, call=0, shift_seconds=seconds) if seconds else None
