"""Slow calls of a boot, as the oracle and reports name them: how long, and what went on meanwhile.

Not here: which fault made a call slow (`faults`), what it made durable (`walcrash.disk.pending`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.call_words import during, nth_call
from walcrash.values.event import Event, EventKind
from walcrash.values.forms import SPARSE, Count, FileName
from walcrash.values.operation import Operation, OperationKind, kinds_of
from walcrash.values.record import RecordType

# limits
SLOW_PER_BOOT: Final = 1_000
"""Slow calls of one boot that are kept, the first ones."""

CALLS_NAMED: Final = 5
"""Calls that were answered meanwhile and are named; of more, the count is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowIo:
    """One slow call.

    Attributes:
        boot: the boot, from 1.
        call: the position, among the boot's calls, of the operation that was under way when it
            began; 0 is `open`.
        kind: what was called.
        path: the file or name that it was called on.
        nth: which call of its kind on that name it was in its boot, from 1.
        delay_ms: how long it takes.
        has_returned: whether it returned before the boot ended.
        answered: the calls that were answered while it went on.
        written: how many writes to the same file were made meanwhile.
        operation: what the workload was doing when it began.
        record: the type of the record, where that was an append.
    """

    boot: Count
    call: Count
    kind: EventKind
    path: FileName
    nth: Count
    delay_ms: Count
    has_returned: bool
    answered: Annotated[tuple[Count, ...], SPARSE] = ()
    written: Annotated[Count, SPARSE] = 0
    operation: OperationKind | None = None
    record: Annotated[RecordType | None, SPARSE] = None

    def __str__(self) -> str:
        """Return the form in reports: `the 2nd fsync of a.log took 12 ms (boot 1, ...): ...`."""
        what = nth_call(self.nth, self.kind, self.path)
        takes = "took" if self.has_returned else "takes"
        parts = [] if self.has_returned else ["it had not returned"]
        if self.answered:
            parts.append(f"{self._answered()} answered meanwhile")
        if self.written and self.kind in (EventKind.FSYNC, EventKind.FDATASYNC):
            writes = "1 write" if self.written == 1 else f"{self.written:,} writes"
            parts.append(f"{writes} to it came after it had begun")
        went_on = f": {', and '.join(parts)}" if parts else ""
        where = during(self.boot, self.call, self.operation, self.record)
        return f"{what} {takes} {self.delay_ms:,} ms ({where}){went_on}"

    def _answered(self) -> str:
        calls = self.answered
        if len(calls) == 1:
            return f"call {calls[0]} was"
        if len(calls) > CALLS_NAMED:
            return f"{len(calls):,} calls, {calls[0]} to {calls[-1]}, were"
        return f"calls {', '.join(map(str, calls[:-1]))} and {calls[-1]} were"


def slow_calls(
    events: Sequence[Event], operations: Sequence[Operation], *, boot: int
) -> tuple[SlowIo, ...]:
    """Return the slow calls of a boot, in the order in which they began.

    Args:
        events: its trace, up to where it ended.
        operations: what its calls were.
        boot: the boot, from 1.
    """
    began = [at for at, event in enumerate(events) if event.kind is EventKind.SLOW]
    return tuple(_slow(events, at, operations, boot) for at in began[:SLOW_PER_BOOT])


def most_telling(slow: Sequence[SlowIo]) -> SlowIo:
    """Return one of some slow calls: the last that has not returned, else what saw the most."""
    return max(slow, key=lambda each: (not each.has_returned, len(each.answered) + each.written))


def _slow(events: Sequence[Event], at: int, operations: Sequence[Operation], boot: int) -> SlowIo:
    began = events[at]
    kind = began.begins
    own = (
        index
        for index in range(at + 1, len(events))
        if events[index].thread == began.thread and not events[index].is_stored
    )
    end = next(own, None)
    meanwhile = events[at + 1 : end]
    call = max(0, began.call)
    operation, record = kinds_of(operations[call] if call < len(operations) else None)
    return SlowIo(
        boot=boot,
        call=call,
        kind=kind,
        path=began.path,
        nth=1 + sum(e.kind is kind and e.path == began.path for e in events[:at]),
        delay_ms=began.length,
        has_returned=end is not None,
        answered=tuple(e.call for e in meanwhile if e.kind is EventKind.REPLY),
        written=sum(
            e.kind is EventKind.WRITE and e.path == began.path and e.result > 0 for e in meanwhile
        ),
        operation=operation,
        record=record,
    )
