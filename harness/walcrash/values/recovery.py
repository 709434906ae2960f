"""Recovery: what a subject shows after it opened what a crash left.

Everything here is what the subject says of itself, before anybody judges it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

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
    """How a recovery failed."""

    REFUSED = "refused"
    DIED = "died"
    HUNG = "hung"
    OVER_MEMORY = "over-memory"
    MALFORMED = "malformed-output"


@dataclass(frozen=True, slots=True)
class RecoveryFailure:
    """A recovery that showed nothing; `message` is the subject's own last word."""

    kind: FailureKind
    message: str
