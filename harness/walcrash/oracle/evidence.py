"""Evidence: what a case shows, piece by piece, in the order in which it happened.

The walk through a case (`walk`) makes these pieces, and the rules that take such a piece are asked
about it (`rules`). A piece holds all that a rule needs for it. Log and effects are those of the
moment before: what the piece itself adds to them is taken in after all rules were asked.

`where` names the recovery or the call in a violation, such as `boot 2` or `boot 1, call 7`.

Not here: what is right.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from walcrash.oracle.comparison import Comparison
from walcrash.oracle.effect_watch import EffectWatch
from walcrash.oracle.log import Log
from walcrash.values.contract import Contract
from walcrash.values.damage import Author, Rotted
from walcrash.values.history import Call
from walcrash.values.record import Record
from walcrash.values.recovery import OperationState, Recovery, RecoveryFailure, SubjectState
from walcrash.values.verdict import Invariant, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRecovery:
    """A recovery that showed nothing.

    Attributes:
        breaks: the invariant that this violates: of those that it could be, the first that was
            asked for.
        is_half_made: nothing was acknowledged before, and each error so far fell into an `open`
            that said so: what is left is a store that was being made.
    """

    where: str
    failure: RecoveryFailure
    breaks: Invariant
    is_half_made: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay in a recovery, or one that a workload asked for, compared with the log."""

    where: str
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class RightRecords:
    """A recovery whose replay from 0 was right, with its replays from the middle."""

    where: str
    recovery: Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownState:
    """The state of a recovery whose records are right.

    Attributes:
        comparison: the records.
        folded: the operations that these records amount to.
        resent: operations that may have been sent after their last mark. A failed one may be
            in flight or requeued, so its state may also be pending, and without its error.
        max_attempts: as in the contract.
        vanishing_breaks: the invariant that an operation violates which is not done and not in
            the state.
    """

    where: str
    recovery: Recovery
    state: SubjectState
    comparison: Comparison
    folded: Mapping[str, OperationState]
    resent: frozenset[str]
    max_attempts: int | None
    vanishing_breaks: Invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivors:
    """What a recovery left of the operations that had an effect.

    Attributes:
        effects: the effects of all boots before it.
        puts: the ids whose PutOperation is there.
        compactable: the ids whose records may be left out.
    """

    where: str
    effects: EffectWatch
    puts: Set[str]
    compactable: Set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BootCall:
    """One call of a boot; `boot` is its number, from 1.

    Attributes:
        is_after_error: whether an error was injected into the boot before it, or into it.
    """

    where: str
    call: Call
    boot: int
    log: Log
    effects: EffectWatch
    is_after_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterBoot:
    """All calls but `open` of a boot after the first.

    Attributes:
        sizes: payload lengths in bytes of puts that were acknowledged in earlier boots.
        is_full: whether a new log has no room for these records either.
    """

    where: str
    calls: Sequence[Call]
    sizes: Set[int]
    is_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A call during which the subject ended by itself; `breaks` as in `FailedRecovery`."""

    where: str
    call: Call
    breaks: Invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A call that met an injected error and was stopped, since it had no end."""

    where: str
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbedRecovery:
    """Two recoveries of one image, the other one in different surroundings."""

    where: str
    first: Recovery
    other: Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRecovery:
    """Two recoveries, one of which found what a recovery had left."""

    where: str
    first: Recovery
    other: Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCall:
    """One call after the last recovery, into which no fault falls.

    Attributes:
        replay: what the call replayed, compared with the log; None if nothing.
        puts: the ids whose PutOperation is in the log, also if this call appends it: without a
            crash nobody can know whether an append sends before or after it writes.
    """

    where: str
    call: Call
    replay: Comparison | None
    log: Log
    effects: EffectWatch
    puts: Set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDone:
    """All calls after the last recovery, which had shown `records`; `max_attempts` as agreed.

    Attributes:
        is_full: whether a new log has no room for the records of these calls either.
    """

    where: str
    calls: Sequence[Call]
    records: Sequence[Record]
    max_attempts: int | None
    is_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterWork:
    """The recovery after that work: compared with the log, or failed."""

    where: str
    shown: Comparison | RecoveryFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedRecovery:
    """The recovery of an image that was damaged at rest: compared with the log, or failed.

    Attributes:
        contract: what is promised.
        rotted: what was damaged.
        written_by: which call had written that, in words.
        promises: the calls after whose reply everything was durable that was written before.
        state_violations: what is wrong with the state that it showed, by the rules about states.
    """

    where: str
    contract: Contract
    rotted: Rotted
    shown: Comparison | RecoveryFailure
    written_by: str = ""
    promises: Sequence[Author] = ()
    state_violations: Sequence[Violation] = ()


Evidence = (
    FailedRecovery
    | Replayed
    | RightRecords
    | ShownState
    | Survivors
    | BootCall
    | LaterBoot
    | Died
    | Stuck
    | PerturbedRecovery
    | RepeatedRecovery
    | WorkCall
    | WorkDone
    | AfterWork
    | DamagedRecovery
)
