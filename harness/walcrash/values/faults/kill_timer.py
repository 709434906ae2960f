"""A kill on a timer: SIGKILL so long after the boot's first event, wherever that falls."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from walcrash.values.faults.base import Draft, Ending
from walcrash.values.faults.end import ENDS, End
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.forms import Whole
from walcrash.values.operation import Operation

# limits
DELAY_US: Final = 10**12
"""Longest delay of a timer, microseconds."""


@ENDS.add("kill-timer")
@dataclass(frozen=True, slots=True)
class KillTimer(End):
    """A kill at no stated event: so many microseconds after the boot's first event."""

    noun: ClassVar[str] = "a kill on a timer"
    needs_interception: ClassVar[bool] = False

    delay_us: Annotated[int, Whole(0, DELAY_US)]


class TimedKill(Ending):
    """Kills on a timer, as a scenario asks for them."""

    kind = FaultKind.KILL_TIMER
    keys = frozenset({"delay_us"})
    falls = "at no stated event"

    def draw(self, plan: FaultPlan, draft: Draft) -> tuple[list[Operation], KillTimer]:
        """Return all operations, and the delay."""
        return list(draft.operations), KillTimer(draft.prng.between(*plan.delay_us))
