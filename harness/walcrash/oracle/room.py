"""Room: what a log may hold that took no record after a recovery, so that a new one can be asked.

A log of fixed room (a ring, a file of a given length, any limit on what is held) is right to refuse
each record for certain when it is full, after a recovery as well. From its refusals alone nobody
can tell it from a log that a crash has closed for good. A new log can: it is given more than the
recovered one may hold, and then the same records. What has room for all of that had room for less.

What the recovered log may hold is taken as large as it can be:

- A log frees records from its oldest on, so it may hold all that was appended from the oldest one
  on that its recovery showed: also what was never acknowledged, and what a compaction leaves out
  behind it.
- Where its recovery showed nothing, it may hold all that was appended since the last compaction
  that it acknowledged, and all there is where it acknowledged none.

Where boots crashed, a new log may also be asked for the same boots, with kills behind what they did
in place of their crashes. That is no evidence where a compaction was cut short, since nobody knows
what that left.

Not here: what the new log is given (`walcrash.workload.room`), and running it
(`walcrash.case.judging`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.oracle.gather import asked, calls_before_error
from walcrash.oracle.not_appendable import all_refused, known_refused, put_size
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record
from walcrash.values.recovery import Recovery, RecoveryFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAsked:
    """Records that were all refused for certain, by a log that may be full.

    Attributes:
        boot: the boot that refused them, from 0; None for the work after the last recovery.
        held: what the log may hold, in append order.
        refused: the records of which one should have been accepted.
        sizes: payload lengths in bytes of puts that were acknowledged before.
        done: what had been done in each boot before, `open` and `close` aside: records that may be
            in the log were appended, all else was acknowledged; empty where no boot crashed, or a
            compaction was not acknowledged.
        closed: which of these boots were closed.
        torn: how many of them may have left a record in part: those in which an append was not
            answered, or that lost the power.
        shown: the times of the records that the log showed.
        boots: how many boots there had been.
    """

    boot: int | None
    held: tuple[Record, ...]
    refused: tuple[Record, ...]
    sizes: frozenset[int]
    done: tuple[tuple[Operation, ...], ...]
    closed: tuple[bool, ...]
    torn: int
    shown: frozenset[int]
    boots: int


def rooms_asked(history: History) -> Iterator[RoomAsked]:
    """Yield what a case leaves open: where a log took no record, and may have been full."""
    before = _Before()
    for number, boot in enumerate(history.boots):
        refused = known_refused(calls_before_error(boot), before.sizes) if number else []
        if refused:
            yield before.asked(number, refused, boot.recovery)
        before.note(boot)
    recoveries = history.recoveries
    refused = all_refused(asked(recoveries.continued))
    if refused:
        yield before.asked(None, refused, recoveries.again or recoveries.first)


_MAY_BE_THERE: Final = (Outcome.ACKNOWLEDGED, Outcome.REFUSED, Outcome.UNANSWERED)
_AGAIN: Final = (OperationKind.SYNC, OperationKind.APPLY, OperationKind.COMPACT)
"""What is done again beside appends: what may free room, and what makes records durable."""


class _Before:
    """What the boots so far have done.

    Attributes:
        sizes: payload lengths in bytes of puts that were acknowledged.
    """

    def __init__(self) -> None:
        self.sizes: set[int] = set()
        self._appended: list[Record] = []
        self._done: list[tuple[Operation, ...]] = []
        self._closed: list[bool] = []
        self._torn = 0
        self._compacted_at = 0
        self._has_crashed = False
        self._is_compacted_whole = True

    def note(self, boot: BootHistory) -> None:
        """Take in a boot."""
        done: list[Operation] = []
        for call in boot.calls:
            operation, record = call.operation, call.operation.record
            is_acknowledged = call.outcome is Outcome.ACKNOWLEDGED
            if record is not None and call.outcome in _MAY_BE_THERE:
                self._appended.append(record)
                done.append(operation)
            size = put_size(call)
            if is_acknowledged and size is not None:
                self.sizes.add(size)
            if is_acknowledged and operation.kind in _AGAIN:
                done.append(operation)
            if operation.kind is OperationKind.COMPACT:
                self._is_compacted_whole = self._is_compacted_whole and is_acknowledged
                if is_acknowledged:
                    self._compacted_at = len(self._appended)
        self._done.append(tuple(done))
        self._closed.append(boot.end is BootEnd.CLOSED)
        self._torn += boot.end is BootEnd.POWER_LOST or any(
            call.outcome is Outcome.UNANSWERED and call.operation.record is not None
            for call in boot.calls
        )
        self._has_crashed = self._has_crashed or boot.end is not BootEnd.CLOSED

    def asked(
        self, boot: int | None, refused: Sequence[Call], shown: Recovery | RecoveryFailure | None
    ) -> RoomAsked:
        """Return what is asked of a log that has shown something and refused these appends."""
        times = {r.record.ts_ms for r in (shown.records if isinstance(shown, Recovery) else ())}
        first = (at for at, record in enumerate(self._appended) if record.ts_ms in times)
        records = (call.operation.record for call in refused)
        is_done_again = self._has_crashed and self._is_compacted_whole
        return RoomAsked(
            boot=boot,
            held=tuple(self._appended[next(first, self._compacted_at) :]),
            refused=tuple(record for record in records if record is not None),
            sizes=frozenset(self.sizes),
            done=tuple(self._done) if is_done_again else (),
            closed=tuple(self._closed),
            torn=self._torn,
            shown=frozenset(times),
            boots=len(self._done),
        )
