"""Fault plans: what a scenario says of a fault, before one is drawn.

Not here: what a class of fault makes of its plan (`kill`, `power_loss`, `call_error`, `quota`,
`rot`, `slow_call`, `clock_jump`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.values.damage import DamageKind
from walcrash.values.event import EventKind
from walcrash.values.faults.calls import ErrorName, FaultCall
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType

# limits
CASE_IMAGES: Final = 100
"""Most images that are judged in one case, where a scenario does not say."""

DAMAGES_BETWEEN_BOOTS: Final = 4
"""Most damages that are tried in one case, each with boots behind it, where a scenario does not
say."""


class FaultKind(Enum):
    """What is done to the subject; the value is `kind` in the scenario file."""

    KILL = "kill"
    KILL_TIMER = "kill-timer"
    POWER = "power"
    ERROR = "error"
    SHORT = "short"
    QUOTA = "quota"
    ROT = "rot"
    SLOW = "slow"
    CLOCK = "clock"
    REPEATED_RANDOM = "repeated-random"


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
        images: for `power` and `rot`: most images that are judged in one case; None for
            `CASE_IMAGES`, and fewer in the first cases.
        calls: for `error` and `short`: the kinds of calls that fail; empty means any that changes
            files. For `slow`: those that take long; empty means syncs.
        errors: for `error`: what they return; empty means all that the kernel can give.
        times: how many of the calls in a row fail, or take long, from the drawn one on; None for
            all of the boot.
        draws_times: for `slow`: whether all later calls take long as well in one of two boots,
            since the scenario does not say how many do.
        files: only calls on files whose name matches this pattern; empty means any.
        room_bytes: for `quota`: the least and the most that may still be written.
        damages: for `rot`: what goes bad; empty means any.
        between_boots: for `rot`: what a boot left goes bad that another one follows.
        in_turn: for `error`, `short` and `slow`: each call with each error has its turn, case by
            case.
        shift_seconds: for `clock`: the least and the most that the wall clock is ahead; two zeros
            for jumps of an hour to twenty years, forward and back.
        failed_sync: for `error`: what the file system makes of a sync that fails.
        delay_ms: for `slow`: the least and the most that a call takes, milliseconds.
    """

    kind: FaultKind = FaultKind.KILL
    weight: int = 1
    boots: BootSelector = BootSelector.ANY
    operations: tuple[str, ...] = ()
    event: EventKind | None = None
    placements: tuple[Placement, ...] = (Placement.BEFORE, Placement.WITHIN, Placement.AFTER)
    delay_us: tuple[int, int] = (0, 20_000)
    images: int | None = None
    calls: tuple[FaultCall, ...] = ()
    errors: tuple[ErrorName, ...] = ()
    times: int | None = 1
    draws_times: bool = False
    files: str = ""
    room_bytes: tuple[int, int] = (0, 4096)
    damages: tuple[DamageKind, ...] = ()
    in_turn: bool = False
    between_boots: bool = False
    failed_sync: SyncFailure = SyncFailure.KEPT
    delay_ms: tuple[int, int] = (1, 1000)
    shift_seconds: tuple[int, int] = (0, 0)

    @property
    def short_calls(self) -> tuple[FaultCall, ...]:
        """For `short`: the kinds of calls that move a part."""
        return self.calls or (FaultCall.WRITE,)

    @property
    def slow_calls(self) -> tuple[FaultCall, ...]:
        """For `slow`: the kinds of calls that take long."""
        return self.calls or (FaultCall.FSYNC,)

    def is_in(self, operation: OperationKind | None, record: RecordType | None) -> bool:
        """Whether it may fall into an operation of a kind, on a type of record."""
        values = {each.value for each in (operation, record) if each is not None}
        return not self.operations or not values.isdisjoint(self.operations)

    @property
    def most_images(self) -> int:
        """The most images that are judged in any one case."""
        usual = DAMAGES_BETWEEN_BOOTS if self.between_boots else CASE_IMAGES
        return usual if self.images is None else self.images
