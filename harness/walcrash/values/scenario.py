"""Scenarios: a subject, a workload, faults, invariants and a budget, already validated.

The file format and its messages are in `scenario.file`; nothing here reads a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Final, Self

from walcrash.values.case import Case
from walcrash.values.contract import Contract
from walcrash.values.faults.plan import FaultPlan
from walcrash.values.forms import Real, Whole
from walcrash.values.limits import CLOCK_BACK
from walcrash.values.verdict import Invariant

# limits
RECOVERY_SECONDS: Final = 86_400.0
"""Longest time limit of a boot or a recovery, seconds: a day.

It is waited for with `poll(2)`, whose milliseconds have 31 bits: 2,147,483 seconds.
"""

MEMORY_MB: Final = 2**30
"""Largest memory limit, megabytes."""

FITTED_BOOTS: Final = 3
"""Most boots of most cases of a fitted workload, and of its control cases."""

FITTED_BOOTS_MOST: Final = 12
"""Most boots of any case of a fitted workload."""

FITTED_DECK: Final = 16
"""Cases of a fitted workload among which each shape of boots and of sizes is dealt."""

DRIVER_ADAPTER = "walcrash.subjects.driver:DriverAdapter"
"""The adapter of every subject that is a driver."""


@dataclass(frozen=True, slots=True)
class SubjectSpec:
    """Which adapter or driver drives the WAL, and what it is given.

    Attributes:
        adapter: a built-in name (`reference`), `module:Class`, or `path/to/file.py:Class`;
            a path is absolute once the scenario is loaded. `DRIVER_ADAPTER` for a driver.
        options: keyword arguments for the adapter's constructor; JSON scalars only. None for
            a driver, which gets its options as words.
        driver: an executable that speaks the driver protocol, with its arguments; paths are
            absolute once the scenario is loaded. Empty for an adapter.
    """

    adapter: str
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    driver: tuple[str, ...] = ()

    @classmethod
    def of_driver(cls, words: Sequence[str]) -> Self:
        """Return the subject behind a driver."""
        return cls(DRIVER_ADAPTER, driver=tuple(words))

    @property
    def name(self) -> str:
        """The adapter or the driver's words as reports name them, without directories."""
        words = self.driver or (self.adapter,)
        return " ".join(
            word.rpartition("/")[2] if word.startswith("/") or not self.driver else word
            for word in words
        )

    @property
    def identity(self) -> str:
        """What tells it from every other subject."""
        return repr((self.adapter, sorted(self.options.items()), self.driver))

    def arguments(
        self, seconds_per_call: float
    ) -> Mapping[str, str | int | float | bool | tuple[str, ...]]:
        """Return the keyword arguments for the adapter's constructor."""
        if self.driver:
            return {"command": self.driver, "seconds": seconds_per_call}
        return dict(self.options)


class OperationMix(Enum):
    """What a workload can draw; the value is the key in `[workload.mix]`."""

    PUT = "put"
    DONE = "done"
    FAILED = "failed"
    SYNC = "sync"
    APPLY = "apply"
    TICK = "tick"
    COMPACT = "compact"
    REPLAY = "replay"


MIX_CAPABILITIES: Final = {
    OperationMix.SYNC: "sync",
    OperationMix.APPLY: "apply",
    OperationMix.TICK: "effects",
    OperationMix.COMPACT: "compact",
}
"""What a subject has to support for what is drawn; what is not here, every subject has."""


class IdStyle(Enum):
    """The form of operation ids: `op-17`, or any text that a user might use as an id."""

    PLAIN = "plain"
    ODD = "odd"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """What is different in one boot; None keeps what the workload says.

    Attributes:
        operations: fewest and most operations.
        mix: how often each is drawn, as whole-number weights.
        payload_bytes: the payload sizes to draw from, in bytes.
        clean_close: how many in 100 such boots, unless last, end with `close` and not a fault.
    """

    operations: tuple[int, int] | None = None
    mix: Mapping[OperationMix, int] | None = None
    payload_bytes: tuple[int, ...] | None = None
    clean_close: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPlan:
    """How the operations of a case are drawn.

    Attributes:
        boots: fewest and most boots a case.
        operations: fewest and most operations a boot, `open` and `close` not counted.
        mix: how often each is drawn, as whole-number weights.
        payload_bytes: the payload sizes to draw from, in bytes.
        ids: the form of ids.
        clean_close: how many in 100 boots, the last aside, end with `close` and not a fault.
        clock_back: how many in 100 cases have a wall clock that goes back behind their last boot.
        phases: what is different in the first boot, the second, and so on; the last phase is
            that of all later boots too.
        is_fitted: whether the scenario states no workload: each case then has a plan of its own,
            within these bounds of boots, made for what the subject showed without a crash.
    """

    boots: tuple[int, int] = (1, 1)
    operations: tuple[int, int] = (5, 25)
    mix: Mapping[OperationMix, int] = field(
        default_factory=lambda: {OperationMix.PUT: 5, OperationMix.DONE: 3, OperationMix.FAILED: 1}
    )
    payload_bytes: tuple[int, ...] = (0, 1, 16, 100, 1000)
    ids: IdStyle = IdStyle.PLAIN
    clean_close: int = 0
    clock_back: int = CLOCK_BACK
    phases: tuple[PhasePlan, ...] = ()
    is_fitted: bool = False

    @property
    def usual_boots(self) -> int:
        """How many boots a case has at most, those few aside that a fitted one gives a dozen."""
        if not self.is_fitted:
            return self.boots[1]
        return min(self.boots[1], max(self.boots[0], FITTED_BOOTS))

    def with_steady_clock(self) -> "WorkloadPlan":
        """Return the same in cases whose clock never goes back."""
        return replace(self, clock_back=0)

    def in_boot(self, boot: int) -> "WorkloadPlan":
        """Return the plan of one boot, counted from 0."""
        if not self.phases:
            return self
        phase = self.phases[min(boot, len(self.phases) - 1)]
        return replace(
            self,
            operations=self.operations if phase.operations is None else phase.operations,
            mix=self.mix if phase.mix is None else phase.mix,
            payload_bytes=(
                self.payload_bytes if phase.payload_bytes is None else phase.payload_bytes
            ),
            clean_close=self.clean_close if phase.clean_close is None else phase.clean_close,
        )


DEFAULT_CASES: Final = 200
"""Cases of a scenario that states none, where nobody asks for a number or a time."""

FITTED_WORKLOAD: Final = WorkloadPlan(
    boots=(1, FITTED_BOOTS_MOST),
    operations=(5, 20),
    mix={
        OperationMix.PUT: 6,
        OperationMix.DONE: 3,
        OperationMix.FAILED: 1,
        OperationMix.SYNC: 1,
        OperationMix.APPLY: 1,
        OperationMix.TICK: 1,
        OperationMix.COMPACT: 1,
        OperationMix.REPLAY: 1,
    },
    payload_bytes=(0, 1, 16, 100, 1000),
    clean_close=20,
    is_fitted=True,
)
"""The workload of a scenario that states none; its control cases are drawn from it as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """When a campaign stops: after so many cases, or so many seconds, whichever is first.

    `cases` is None where the file states none: `DEFAULT_CASES` without a time budget, as many as
    there is time for with one.
    """

    cases: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryLimits:
    """What one boot or recovery may take before it counts as failed."""

    seconds: Annotated[float, Real(0.0, RECOVERY_SECONDS)] = 10.0
    memory_mb: Annotated[int, Whole(1, MEMORY_MB)] = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedCase:
    """A finding under version control.

    Attributes:
        finding: its id.
        invariant: what it broke.
        reaches: where its crashes fell, one for each boot that was killed.
        case: all that is needed to run it.
    """

    finding: str
    invariant: Invariant
    reaches: tuple[str, ...]
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that a campaign needs to know of one scenario file.

    `contract` is what the file states; None takes the adapter's own. `pinned` runs first.
    `origin` is the command line behind `walcrash`, without a seed, that runs what was made of a
    file or of a subject's words; empty where that is `run` with `path`. `fits_faults` says that it
    states no workload and injects nothing, so that some of its cases have slow syncs or other
    clocks.
    """

    name: str
    summary: str
    path: str
    subject: SubjectSpec
    contract: Contract | None
    workload: WorkloadPlan
    faults: tuple[FaultPlan, ...]
    invariants: frozenset[Invariant]
    budget: Budget
    limits: RecoveryLimits
    pinned: tuple[PinnedCase, ...] = ()
    origin: str = ""
    fits_faults: bool = False
