"""A log that survived an incident, judged offline: its records, its flaws, its operations.

Not here: how they are found (`tools.verify.verify`), how they are shown (`report.verify_text`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from walcrash.values.record import RecordType
from walcrash.values.recovery import OperationStatus


class LogFormat(Enum):
    """The formats that can be judged."""

    VIXW = "vixw"
    REFERENCE = "reference"


class FlawKind(Enum):
    """What is wrong, or may be."""

    TORN_TAIL = "torn-tail"
    DAMAGE = "damage"
    MARK_WITHOUT_PUT = "mark-without-put"
    CHECKPOINT = "checkpoint"
    STATE = "state"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing that is not as the writer left it, or may not be.

    Attributes:
        kind: what it is.
        is_damage: whether no crash and no recovery that keeps its promises leaves this.
        message: what was found.
        offset: where it starts, as the log counts; None where it is no place in the log.
        length_bytes: how long it is; 0 where that means nothing.
        next_offset: where the next plausible record starts; None if none follows.
        position: where in the file `data` starts.
        data: the bytes around it.
        at: where in the file it starts itself.
    """

    kind: FlawKind
    is_damage: bool
    message: str
    offset: int | None = None
    length_bytes: int = 0
    next_offset: int | None = None
    position: int = 0
    data: bytes = b""
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One record of the log.

    Attributes:
        number: 1 for the first record that can be read.
        offset: where it starts, as the log counts.
        type: its type.
        id: its operation, shortened where it is long.
        ts_ms: its time.
        id_bytes: length of the id.
        payload_bytes: length of the payload.
        error_bytes: length of the error text.
        next_retry_at_ms: its time of the next retry.
    """

    number: int
    offset: int
    type: RecordType
    id: str
    ts_ms: int
    id_bytes: int
    payload_bytes: int
    error_bytes: int
    next_retry_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOperation:
    """One operation that is not done.

    Attributes:
        id: its id, shortened where it is long.
        status: pending, or failed: whether for good is the application's to say.
        put_offset: where its last PutOperation starts.
        ts_ms: the time of that.
        attempts: failed attempts since.
        error: why the last one failed, shortened where it is long.
        next_retry_at_ms: when it is to be tried again; 0 if not at all.
    """

    id: str
    status: OperationStatus
    put_offset: int
    ts_ms: int
    attempts: int = 0
    error: str = ""
    next_retry_at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLog:
    """All that was found.

    Attributes:
        path: the file.
        format: what it was read as.
        size_bytes: how long it is.
        record_counts: records that can be read, by type.
        first_offset: where the first record starts, or would.
        last_good_offset: behind the last record that all before it lead to.
        end_offset: the end of the file, as the log counts.
        checkpoint: the checkpoint that was held against the log; None if there was none.
        applied: the offset that the state file reflects; None where there is none.
        flaws: the first of each kind, in the order in which they were found.
        flaw_counts: how many there are of each kind.
        damage_count: how many are damage.
        operation_counts: operations by where they stand.
        operations: the first that are not done, in the order of their puts.
        blind_spots: what this format cannot show.
    """

    path: str
    format: LogFormat
    size_bytes: int
    record_counts: Mapping[RecordType, int]
    first_offset: int
    last_good_offset: int
    end_offset: int
    checkpoint: int | None = None
    applied: int | None = None
    flaws: tuple[Flaw, ...] = ()
    flaw_counts: Mapping[FlawKind, int] = field(default_factory=dict)
    damage_count: int = 0
    operation_counts: Mapping[OperationStatus, int] = field(default_factory=dict)
    operations: tuple[LogOperation, ...] = ()
    blind_spots: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is there that a crash cannot leave."""
        return self.damage_count == 0
