"""I/O errors that were injected into a boot, as the oracle and reports name them.

An error is one call, or several alike in a row: the first is named, and how many there were.

Not here: which fault injected it (`faults`).
"""

import errno as numbers
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from walcrash.values.call_words import during, nth_call
from walcrash.values.event import Event, EventKind
from walcrash.values.forms import SPARSE, Count, FileName
from walcrash.values.operation import Operation, OperationKind, kinds_of
from walcrash.values.record import RecordType

# limits
ERRORS_PER_BOOT: Final = 1_000
"""Errors of one boot that are kept, the first ones."""

_FULL: Final = frozenset({numbers.ENOSPC, numbers.EDQUOT})
"""What a call returns for which there is no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IoError:
    """One injected error.

    Attributes:
        boot: the boot, from 1.
        call: the position, among the boot's calls, of the operation under way; 0 is `open`.
        kind: what was called.
        path: the file or name that it was called on.
        nth: which call of its kind on that name it was in its boot, from 1.
        errno: the error that it returned; 0 for a short transfer, or a sync that failed late.
        is_late: whether it is a sync that returned 0 and had failed, as the file's next one says.
        done_bytes: how much a short transfer moved.
        length: how much it was asked for, in bytes.
        times: how many calls in a row had it.
        then_errno: of a short transfer for which the disk was full: the error of the next such call
            on that name, which had no room at all; else 0.
        operation: what the workload was doing.
        record: the type of the record, where that was an append.
        is_acknowledged: whether that call of the workload was acknowledged all the same.
    """

    boot: Count
    call: Count
    kind: EventKind
    path: FileName
    nth: Count
    errno: Count = 0
    done_bytes: Annotated[Count, SPARSE] = 0
    length: Annotated[Count, SPARSE] = 0
    times: Annotated[Count, SPARSE] = 1
    then_errno: Annotated[Count, SPARSE] = 0
    is_late: Annotated[bool, SPARSE] = False
    operation: OperationKind | None = None
    record: Annotated[RecordType | None, SPARSE] = None
    is_acknowledged: Annotated[bool, SPARSE] = False

    @property
    def name(self) -> str:
        """The error's name, such as `EIO`; empty for a short transfer."""
        return _name(self.errno) if self.errno else ""

    def __str__(self) -> str:
        """Return the form in reports: `the 2nd fsync of a.log failed with EIO (boot 1, ...)`."""
        what = nth_call(self.nth, self.kind, self.path)
        if self.kind is EventKind.PAGE:
            where = during(self.boot, self.call, self.operation, self.record)
            more = f", and so were the {self.times - 1:,} after it" if self.times > 1 else ""
            return f"{what}, mapped, could not be read (SIGBUS){more} ({where})"
        if self.errno:
            how = f"failed with {self.name}"
        elif self.is_late:
            how = "returned 0 and had failed, as the file's next sync was to say"
        elif self.then_errno:
            how = (
                f"met a full disk: it moved {self.done_bytes:,} of {self.length:,} bytes, and the "
                f"next failed with {_name(self.then_errno)}"
            )
        else:
            how = f"moved {self.done_bytes:,} of {self.length:,} bytes"
        more = f", and so did the {self.times - 1:,} after it" if self.times > 1 else ""
        where = during(self.boot, self.call, self.operation, self.record)
        return f"{what} {how}{more} ({where})"


def io_errors(
    events: Sequence[Event], operations: Sequence[Operation], *, boot: int
) -> tuple[IoError, ...]:
    """Return the injected errors of a boot, in order; those in a row that are alike are one.

    Args:
        events: its trace.
        operations: what its calls were.
        boot: the boot, from 1.
    """
    if not any(event.is_injected for event in events):
        return ()
    found: list[IoError] = []
    for error in _each(events, operations, boot):
        if found and _is_same(found[-1], error):
            found[-1] = replace(found[-1], times=found[-1].times + 1)
            continue
        if found and _is_out_of_room(found[-1], error):
            found[-1] = replace(found[-1], then_errno=error.errno)
        found.append(error)
    return tuple(found[:ERRORS_PER_BOOT])


def _each(events: Iterable[Event], operations: Sequence[Operation], boot: int) -> Iterable[IoError]:
    seen: Counter[tuple[EventKind, str]] = Counter()
    for event in events:
        seen[event.kind, event.path] += 1
        if not event.is_injected:
            continue
        call = max(0, event.call)
        operation, record = kinds_of(operations[call] if call < len(operations) else None)
        yield IoError(
            boot=boot,
            call=call,
            kind=event.kind,
            path=event.path,
            nth=seen[event.kind, event.path],
            errno=max(0, -event.result),
            done_bytes=max(0, event.result),
            length=event.length if event.result >= 0 else 0,
            is_late=event.fails_late,
            operation=operation,
            record=record,
        )


def _is_same(one: IoError, other: IoError) -> bool:
    """Whether the second one is the same error of the next such call."""
    return (
        (one.kind, one.path, one.errno) == (other.kind, other.path, other.errno)
        and bool(one.errno)
        and one.nth + one.times == other.nth
    )


def _is_out_of_room(one: IoError, other: IoError) -> bool:
    """Whether a full disk cut the first one short, and refused the rest of it."""
    is_short = not one.errno and not one.is_late and one.done_bytes < one.length
    is_next = (one.kind, one.path, one.call, one.nth + 1) == (
        other.kind, other.path, other.call, other.nth,
    )  # fmt: skip
    return is_short and is_next and other.errno in _FULL


def _name(errno: int) -> str:
    return numbers.errorcode.get(errno, str(errno))
