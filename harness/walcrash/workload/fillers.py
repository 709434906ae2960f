"""Fillers: puts before a write that is to be torn, where payloads are short.

A kill tears a write at a page end of its file. Where the longest payload of a workload is shorter
than a page, a case of a few records ends before the first page does, and no record can grow over
it. A client that goes on for longer comes there, so a case gets a longer history: puts right
before the operation that is killed, as few as bring a page end to the byte that was drawn.

- A filler is an ordinary put: an id that no other operation of the case has, a payload that is as
  short as the workload's shortest and grows to its longest at most, a time between its neighbours'.
- The operation that is killed comes `FILLERS` milliseconds later than it was drawn, so that there
  is a time for each of them: no two records have the same.
- It is drawn from the case's seed, and a stored case has it among its operations, as it ran.
- `FILLERS` is the most that one boot gets; where so many do not reach, it gets none.

A file that is written whole, as by a compaction, gets longer by them until it has more than a page.

How many bytes a filler takes in the file is estimated from the puts before it, and measured once
it was written.

Not here: how payloads grow, and when fillers are tried (`walcrash.case.alignment`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from walcrash.values.case import BootPlan, Case
from walcrash.values.faults import CrashPoint
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import IdStyle, OperationMix, WorkloadPlan
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.tears import PAGE_BYTES
from walcrash.workload.content import draw_id, draw_payload
from walcrash.workload.operations import EPOCH_MS

# limits
FILLERS: Final = 256
"""Most fillers of one boot: a log of frames of 16 bytes and more comes over a page with them."""

SPARE_BYTES: Final = 64
"""How much more room than the estimate asks for: ids and fields get longer with their numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What fillers may be.

    Attributes:
        least_payload_bytes: how long their payloads are at first.
        most_payload_bytes: how long they may get.
    """

    least_payload_bytes: int
    most_payload_bytes: int

    @classmethod
    def of(cls, plan: WorkloadPlan) -> Self | None:
        """Return what fillers may be in a boot; None where none are needed, or puts not drawn."""
        sizes = plan.payload_bytes
        if max(sizes) >= PAGE_BYTES or not plan.mix.get(OperationMix.PUT, 0):
            return None
        return cls(least_payload_bytes=min(sizes), most_payload_bytes=max(sizes))

    def count(
        self, needed_bytes: int, frame_bytes: int, room_bytes: int, *, near_bytes: int
    ) -> int:
        """Return how many fillers bring a page end to where it is needed.

        Args:
            needed_bytes: how far the next page end is away.
            frame_bytes: what a filler takes beside its payload.
            room_bytes: by how much the payloads that are there can grow.
            near_bytes: a page end that is farther away than this is of no use.

        Returns:
            The fewest that reach a page end exactly, with some bytes to spare where payloads may
            grow; where `FILLERS` do not, those that come nearest; 0 where none is near enough.
        """
        growth = self.most_payload_bytes - self.least_payload_bytes
        best, nearest = 0, near_bytes
        for count in range(1, FILLERS + 1):
            room = room_bytes + count * growth
            left = needed_bytes - count * (frame_bytes + self.least_payload_bytes)
            if left < 0:
                left %= PAGE_BYTES
            spare = min(SPARE_BYTES, room // 2) if growth else 0
            if spare <= left <= room - spare:
                return count
            away = min(max(0, left - room), PAGE_BYTES - left)
            if away < nearest:
                best, nearest = count, away
        return best

    def put_in(self, plan: BootPlan, count: int, case: Case, boot: int) -> BootPlan:
        """Return a boot's plan with fillers right before the operation that is killed.

        A record is recognised by its time, so where there is not one for each filler before what
        comes next, the plan is returned as it is.

        Args:
            plan: a boot that a kill ends.
            count: how many.
            case: as it was drawn, with what ran already as it ran.
            boot: the boot, from 1.
        """
        crash = plan.crash
        assert isinstance(crash, CrashPoint), "fillers are for kills"
        prng = Prng(derive_seed(case.seed, "fillers", boot))
        taken = {r.id for each in case.boots for o in each.operations if (r := o.record)}
        before = plan.operations[: crash.call]
        now_ms = _time_before(case, boot, before)
        later = [o for each in case.boots[boot:] for o in each.operations]
        rest = (*plan.operations[crash.call :], *later)
        if any(now_ms < time <= now_ms + count for time in _times(rest)):
            return plan
        number, made = len(taken), list[Operation]()
        while len(made) < count:
            number += 1
            id_ = draw_id(prng, style=IdStyle.PLAIN, number=number, is_empty_taken=True)
            if id_ in taken:
                continue
            payload = draw_payload(prng, (self.least_payload_bytes,))
            now_ms += 1
            record = Record(RecordType.PUT, id_, now_ms, payload=payload)
            made.append(Operation(OperationKind.APPEND, record=record))
        operations = (*before, *made, *plan.operations[crash.call :])
        return replace(
            plan, operations=operations, crash=replace(crash, call=crash.call + len(made))
        )


def leave_time(operation: Operation) -> Operation:
    """Return an operation that is to be killed with time for fillers before it."""
    record, now_ms = operation.record, operation.now_ms
    if record is not None:
        retry_ms = record.next_retry_at_ms and record.next_retry_at_ms + FILLERS
        record = replace(record, ts_ms=record.ts_ms + FILLERS, next_retry_at_ms=retry_ms)
    return replace(operation, record=record, now_ms=None if now_ms is None else now_ms + FILLERS)


def _time_before(case: Case, boot: int, before: Sequence[Operation]) -> int:
    """Return the latest time of any operation before the fillers."""
    earlier = [o for each in case.boots[: boot - 1] for o in each.operations]
    return max((EPOCH_MS, *_times((*earlier, *before))))


def _times(operations: Iterable[Operation]) -> Iterator[int]:
    for operation in operations:
        if operation.now_ms is not None:
            yield operation.now_ms
        if operation.record is not None:
            yield operation.record.ts_ms
