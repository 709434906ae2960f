"""Fault plans: what a scenario says of a fault, before one is drawn.

Not here: what a class of fault makes of its plan (`kill`, `kill_timer`, `power_loss`).
"""

from dataclasses import dataclass
from enum import Enum

from walcrash.values.event import EventKind
from walcrash.values.moments import Placement


class FaultKind(Enum):
    """What is done to the subject; the value is `kind` in the scenario file."""

    KILL = "kill"
    KILL_TIMER = "kill-timer"
    POWER = "power"


class BootSelector(Enum):
    """Which boots a fault may fall into."""

    ANY = "any"
    FIRST = "first"
    LATER = "later"
    LAST = "last"

    def selects(self, *, boot: int, is_last: bool) -> bool:
        """Whether a boot, counted from 0, is one of them."""
        return {
            BootSelector.ANY: True,
            BootSelector.FIRST: boot == 0,
            BootSelector.LATER: boot > 0,
            BootSelector.LAST: is_last,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """One kind of fault, and where it may fall.

    Attributes:
        kind: its class.
        weight: how often this fault is drawn among the scenario's faults.
        boots: which boots it may fall into.
        operations: the operations it may fall into, by operation kind (`append`, `apply`) or
            record type (`MarkDone`); empty means any.
        event: only events of this kind; None means any.
        placements: before, within or after the event.
        delay_us: for `kill-timer`: the shortest and longest delay, microseconds.
        images: for `power`: most images that are judged in one case.
    """

    kind: FaultKind = FaultKind.KILL
    weight: int = 1
    boots: BootSelector = BootSelector.ANY
    operations: tuple[str, ...] = ()
    event: EventKind | None = None
    placements: tuple[Placement, ...] = (Placement.BEFORE, Placement.WITHIN, Placement.AFTER)
    delay_us: tuple[int, int] = (0, 20_000)
    images: int = 100
