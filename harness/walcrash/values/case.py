"""Cases: all that is needed to run one test again.

A crash point is stated relative to a call, since the events of a boot are not known before it
runs: the n-th event of a call, counted from 0, optionally only events of one kind. A call with
fewer events is hit at its reply, which is its last event. Where the crash landed is a `Landing`.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.contract import PersistenceModel
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.faults.end import ENDS, End
from walcrash.values.faults.injected import FAULTS, Fault
from walcrash.values.forms import SPARSE, EncodableText, Most, Whole
from walcrash.values.limits import (
    BOOTS_PER_CASE,
    FAULTS_PER_CASE,
    INTEGER_64,
    OPERATIONS_PER_BOOT,
    SEEDS,
)
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind, kinds_of
from walcrash.values.record import RecordType

NO_CALL: Final = "no call"
"""In the written form of a `Place`, the operation where none was under way."""

Crash = Annotated[End, ENDS]
"""What ends a boot, as a stored case has it."""


@dataclass(frozen=True, slots=True)
class BootPlan:
    """What one boot does, and what ends it; without a crash it is closed.

    `operations` starts with `open`. A boot without a crash, or with a power loss, ends with
    `close`.
    """

    operations: Annotated[tuple[Operation, ...], Most(OPERATIONS_PER_BOOT * 2)]
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One test: the boots in order, the first on an empty directory.

    `faults` are injected into the boots, whatever ends each of them. With `is_clock_back` the wall
    clock goes back after the last boot, before new records are appended to what it left.
    """

    scenario: EncodableText
    index: Annotated[int, Whole(0, INTEGER_64 - 1)]
    seed: Annotated[int, Whole(0, SEEDS - 1)]
    boots: Annotated[tuple[BootPlan, ...], Most(BOOTS_PER_CASE, least=1)]
    faults: Annotated[tuple[Annotated[Fault, FAULTS], ...], Most(FAULTS_PER_CASE), SPARSE] = ()
    is_clock_back: Annotated[bool, SPARSE] = False

    @property
    def is_control(self) -> bool:
        """Whether nothing is done to the subject: no boot crashes, and nothing is injected."""
        return not self.faults and all(boot.crash is None for boot in self.boots)

    def faults_in(self, boot: int) -> tuple[Fault, ...]:
        """Return what is injected into one boot, counted from 0."""
        return tuple(fault for fault in self.faults if fault.boot == boot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The kind of place that a crash fell on: what stays the same when the log grows.

    Attributes:
        placement: before an event, within it or after it.
        kind: the event's kind.
        operation: what was called; None where no call was under way.
        record: the type of the record, where that was an append.
    """

    placement: Placement
    kind: EventKind
    operation: OperationKind | None = None
    record: RecordType | None = None

    def __str__(self) -> str:
        """Return the form that scenario files keep: `within write in append PutOperation`."""
        named = (self.operation, self.record)
        call = " ".join(one.value for one in named if one is not None)
        return f"{self.placement.value} {self.kind.value} in {call or NO_CALL}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where a crash landed: the event, the call that was under way, and how much of it happened.

    `offset`, `length`, `result` and `mode` are those of the event, as in `Event`.

    Attributes:
        boot: the boot, from 1.
        event_index: the position in the boot's trace of the event that it was before, within
            or after.
        kind: that event's kind.
        placement: as it happened, which may be `BEFORE` where `WITHIN` was asked for.
        operation: what was called; None where no call was under way.
        record: the type of the record, where that was an append.
        path: the file or name that the event acted on; empty for a message.
        path_to: the new name of a rename or link; the text of a symlink.
        offset: where a write, truncation or msync starts, in bytes.
        length: how many bytes the event asked for.
        result: what the event's call returned; a negative errno if it failed.
        mode: the permission bits that the event set; -1 where it set none.
        is_stored: whether the event is a write that was stored through a shared mapping.
        kept_bytes: for `WITHIN`, how many bytes of the write happened.
        is_power_loss: whether the power was lost there; else the process was killed.
        loss: for a power loss, what of the pending changes was kept, in words.
        model: for a power loss, the strictest model that allows it; None where none was asked, or
            where an older version wrote this.
    """

    boot: int
    event_index: int
    kind: EventKind
    placement: Placement
    operation: OperationKind | None = None
    record: RecordType | None = None
    path: str = ""
    path_to: str = ""
    offset: int = 0
    length: int = 0
    result: int = 0
    mode: int = -1
    is_stored: bool = False
    kept_bytes: int = 0
    is_power_loss: bool = False
    loss: str = ""
    model: Annotated[PersistenceModel | None, SPARSE] = None

    @property
    def event(self) -> Event:
        """The event, as far as the landing knows it: without its bytes, file and thread."""
        return Event(
            kind=self.kind,
            path=self.path,
            path_to=self.path_to,
            offset=self.offset,
            length=self.length,
            result=self.result,
            mode=self.mode,
            flags=MAPPED if self.is_stored else 0,
        )

    @property
    def place(self) -> Place:
        """The landing without what changes with the log."""
        return Place(
            placement=self.placement, kind=self.kind, operation=self.operation, record=self.record
        )

    def __str__(self) -> str:
        """Return the form that reports use: `boot 1, after event 14: write wal.log, ...`."""
        text = f"boot {self.boot}, {self.placement.value} event {self.event_index}: {self.event}"
        if self.placement is Placement.WITHIN:
            text += f", bytes 0-{self.kept_bytes - 1} kept"
        return text


def landing_at(
    event: Event,
    operation: Operation | None,
    *,
    boot: int,
    event_index: int,
    placement: Placement,
    kept_bytes: int = 0,
    loss: str | None = None,
    model: PersistenceModel | None = None,
) -> Landing:
    """Return the landing of a crash at an event of a boot.

    Args:
        event: the event that the crash was before, within or after.
        operation: the call that was under way, if there was one.
        boot: the boot, from 1.
        event_index: the event's position in the boot's trace.
        placement: where the crash fell.
        kept_bytes: for `WITHIN`, how many bytes of the write happened.
        loss: what a power loss kept, in words; None for a kill.
        model: the strictest model that allows that.
    """
    kind, record = kinds_of(operation)
    return Landing(
        boot=boot,
        event_index=event_index,
        kind=event.kind,
        placement=placement,
        operation=kind,
        record=record,
        path=event.path,
        path_to=event.path_to,
        offset=event.offset,
        length=event.length,
        result=event.result,
        mode=event.mode,
        is_stored=event.is_stored,
        kept_bytes=kept_bytes,
        is_power_loss=loss is not None,
        loss=loss or "",
        model=model,
    )
