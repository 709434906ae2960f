"""History: operations with their calls, acknowledgements, errors and effects, in order."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from walcrash.values.damage import Rotted
from walcrash.values.forms import SPARSE
from walcrash.values.io_error import IoError
from walcrash.values.operation import Operation
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure, Resume
from walcrash.values.slow_io import SlowIo


class Outcome(Enum):
    """How a call ended.

    A `REFUSED` append may be in the log or not; a `REFUSED_DEFINITE` one is not. An
    `UNANSWERED` call was under way when the boot ended: both are right. One that was `NOT_ASKED`
    was never made: it would have marked an operation that the subject had neither acknowledged in
    this boot nor shown when it opened, as no client does.
    """

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    REFUSED_DEFINITE = "refused-definite"
    UNANSWERED = "unanswered"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation that was called, and what came back.

    Attributes:
        operation: what was called.
        outcome: how it ended.
        offset: what an acknowledged `append` returned.
        checkpoint: what an acknowledged `apply` returned.
        sent: the ids that an acknowledged `tick` said it had sent.
        effects: ids whose external effect was seen during the call, in order, each before
            the reply.
        replayed: what an acknowledged `replay` yielded.
        error: the subject's text where it refused.
    """

    operation: Operation
    outcome: Outcome
    offset: int | None = None
    checkpoint: int | None = None
    sent: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    replayed: Resume | None = None
    error: str = ""


class BootEnd(Enum):
    """How a boot ended; `DIED` means by itself, which no fault explains."""

    CLOSED = "closed"
    KILLED = "killed"
    POWER_LOST = "power-lost"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class BootHistory:
    """One life of the subject.

    Attributes:
        calls: in order; the first is `open`. Operations that were never called are left out.
        recovery: what `open` showed; a failure if it refused; None if the boot ended first.
        end: how the boot ended.
        errors: what was injected into it, in order.
        slow: its slow calls, in the order in which they began.
        rotted: what of its files was damaged before it.
        is_stuck: whether it had to be stopped, since it made no progress or wrote without end.
        is_full: whether it took no record, and a new log with what this one may hold takes none of
            these either: it has no room left.
    """

    calls: tuple[Call, ...]
    recovery: Recovery | RecoveryFailure | None
    end: BootEnd
    errors: Annotated[tuple[IoError, ...], SPARSE] = ()
    slow: Annotated[tuple[SlowIo, ...], SPARSE] = ()
    is_stuck: Annotated[bool, SPARSE] = False
    rotted: Annotated[Rotted | None, SPARSE] = None
    is_full: Annotated[bool, SPARSE] = False

    @property
    def gave_up(self) -> bool:
        """Whether its `open` was refused, or ended it, after an injected error, as is right."""
        is_refused = isinstance(self.recovery, RecoveryFailure) and self.recovery.kind in _GIVEN_UP
        is_gone = self.recovery is None and self.end is BootEnd.DIED
        return bool(self.errors) and not self.is_stuck and (is_refused or is_gone)


_GIVEN_UP: Final = (FailureKind.REFUSED, FailureKind.DIED, FailureKind.MEMORY_FAULT)
"""How an `open` fails that met an error and says so; to hang, or to show no records, is no word."""


class RecoveryName(Enum):
    """The recoveries of the image that the last boot left, as violations name them."""

    FIRST = "first recovery"
    PERTURBED = "perturbed recovery"
    AGAIN = "recovery again"
    UNINTERRUPTED = "uninterrupted recovery"
    AFTER = "recovery after new records"


AFTER_RECOVERY: Final = "after recovery"
"""How violations name the work after the last recovery; its calls are `after recovery, call 2`."""


@dataclass(frozen=True, slots=True)
class Recoveries:
    """What became of the image that the last boot left, recovered in several ways.

    Attributes:
        first: recovery of the image.
        perturbed: recovery of the same image in another process with another hash seed, clock,
            time zone, locale and directory order; None where it was not asked for.
        again: recovery of what `first` left behind; None where it was not asked for.
        continued: the calls made after `again` in the same boot: probe records, ticks and a
            clean close; empty where it was not asked for.
        after: recovery of what `continued` left behind; None where it was not asked for.
        uninterrupted: where the last boot was killed inside its recovery: recovery of the image
            that this boot had found, from start to end; else None.
        is_partial: whether recoveries that the case's rules need were left out, since nothing about
            the image was new.
        rotted: what of the image was damaged before; `first` alone is made of such an image.
        is_full: whether `continued` took no record, and a new log with what this one may hold takes
            none of these either.
    """

    first: Recovery | RecoveryFailure
    perturbed: Recovery | RecoveryFailure | None = None
    again: Recovery | RecoveryFailure | None = None
    continued: tuple[Call, ...] = ()
    after: Recovery | RecoveryFailure | None = None
    uninterrupted: Recovery | RecoveryFailure | None = None
    is_partial: Annotated[bool, SPARSE] = False
    rotted: Annotated[Rotted | None, SPARSE] = None
    is_full: Annotated[bool, SPARSE] = False


@dataclass(frozen=True, slots=True)
class History:
    """All boots of one case, in order, the first on an empty directory, and what came after."""

    boots: tuple[BootHistory, ...]
    recoveries: Recoveries
