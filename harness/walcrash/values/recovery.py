"""Recovery: what a subject shows after it opened what a crash left.

Everything here is what the subject says of itself, before anybody judges it.

Source: `mmap(2)`, SIGBUS; `signal(7)`.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from walcrash.values.forms import SPARSE
from walcrash.values.record import Record


@dataclass(frozen=True, slots=True)
class RecoveredRecord:
    """A record that replay yielded, with the offset (the subject's own position) it gave it."""

    offset: int
    record: Record


@dataclass(frozen=True, slots=True)
class UndecodableRecord:
    """A stored record that replay could not turn into one, and said so.

    Attributes:
        offset: where it is, as the subject says.
        data: what was read there.
        before: how many records the replay had yielded before it.
    """

    offset: int
    data: bytes
    before: int


class OperationStatus(Enum):
    """Where an operation stands in the subject's state."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    DONE = "done"
    FAILED = "failed"
    PERMANENT_FAILED = "permanent_failed"


@dataclass(frozen=True, slots=True)
class OperationState:
    """One operation in the subject's state; `next_retry_at_ms` is 0 where there is no retry."""

    status: OperationStatus
    error: str = ""
    next_retry_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The durable state as recovery sees it.

    Attributes:
        checkpoint: the saved checkpoint: all records below this offset have been applied.
        applied: the offset up to which the state really reflects the log.
        operations: every operation by its id.
    """

    checkpoint: int
    applied: int
    operations: Mapping[str, OperationState]


@dataclass(frozen=True, slots=True)
class Resume:
    """A replay that did not start at 0, in the order in which it yielded."""

    from_offset: int
    records: tuple[RecoveredRecord, ...]
    undecodable: Annotated[tuple[UndecodableRecord, ...], SPARSE] = ()


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a subject showed right after `open`.

    Attributes:
        records: replay from 0, in the order in which it yielded.
        end: the offset behind the last record.
        state: None where the subject lacks the capability `checkpoint`.
        resumes: replays from the checkpoint and from other record boundaries.
        undecodable: what replay from 0 could not decode, in order.
    """

    records: tuple[RecoveredRecord, ...]
    end: int
    state: SubjectState | None
    resumes: tuple[Resume, ...] = ()
    undecodable: Annotated[tuple[UndecodableRecord, ...], SPARSE] = ()


class FailureKind(Enum):
    """How a recovery failed.

    A `MEMORY_FAULT` is the end by a signal of the processor: the subject read where nothing is, as
    in a page of a mapping behind the end of its file (SIGBUS), and said nothing of it.
    """

    REFUSED = "refused"
    DIED = "died"
    MEMORY_FAULT = "memory-fault"
    HUNG = "hung"
    OVER_MEMORY = "over-memory"
    MALFORMED = "malformed-output"


_MEMORY_FAULTS: Final = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE})


def failure_of_signal(number: int) -> FailureKind:
    """Return how a subject failed that ended by a signal."""
    return FailureKind.MEMORY_FAULT if number in _MEMORY_FAULTS else FailureKind.DIED


def death_text(number: int) -> str:
    """Return the end by a signal in words, with the name of a memory fault."""
    text = f"died of signal {number}"
    if number == signal.SIGBUS:
        # mmap(2): the page lies beyond the end of the mapped file, or cannot be read.
        return f"{text} (SIGBUS: a page of a mapping that its file does not have)"
    is_named = failure_of_signal(number) is FailureKind.MEMORY_FAULT
    return f"{text} ({signal.Signals(number).name})" if is_named else text


@dataclass(frozen=True, slots=True)
class RecoveryFailure:
    """A recovery that showed nothing; `message` is the subject's own last word."""

    kind: FailureKind
    message: str
