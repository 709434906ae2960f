"""Operations: one call each on the subject."""

from dataclasses import dataclass
from typing import Annotated

from walcrash.values.forms import SPARSE, Whole
from walcrash.values.quick_enum import QuickEnum
from walcrash.values.record import SIGNED_64, Record, RecordType


class OperationKind(QuickEnum):
    """What is called; the value is `do` of the driver protocol."""

    OPEN = "open"
    APPEND = "append"
    SYNC = "sync"
    REPLAY = "replay"
    APPLY = "apply"
    TICK = "tick"
    COMPACT = "compact"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call on the subject.

    Attributes:
        kind: what is called.
        record: the record of an `append`, else None.
        now_ms: the time that a `tick` gets, milliseconds since the epoch, else None.
        from_call: for a `replay`, the position among the boot's calls of the `append` whose
            acknowledged offset it starts from; None replays from the start.
    """

    kind: OperationKind
    record: Annotated[Record | None, SPARSE] = None
    now_ms: Annotated[Annotated[int, SIGNED_64] | None, SPARSE] = None
    from_call: Annotated[Annotated[int, Whole(0)] | None, SPARSE] = None

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the constructor: several times as fast as field by field."""
        return Operation, (self.kind, self.record, self.now_ms, self.from_call)

    def __str__(self) -> str:
        """Return the short form that reports use, such as `append MarkDone op-2`."""
        if self.record is not None:
            return f"{self.kind.value} {self.record}"
        if self.now_ms is not None:
            return f"{self.kind.value} now_ms={self.now_ms}"
        return self.kind.value


def kinds_of(operation: Operation | None) -> tuple[OperationKind | None, RecordType | None]:
    """Return what an operation is, and the type of its record, each where there is one."""
    if operation is None:
        return None, None
    return operation.kind, None if operation.record is None else operation.record.type
