"""Alignment for power losses: payloads grow until sector ends lie at telling bytes of records.

Sector ends are moved to each byte of many headers, to the middle and the checksum of others. Some
of them are page ends too. A header of which a disk loses the first bytes and keeps the others is
what a checksum over the body does not see, so what a payload takes in its file is worked out to the
byte, where it is written as it is, in hexadecimal or in base 64. Base 64 takes four bytes at a
time, so of the bytes of a header the nearest is taken that can be reached.

Not here: page ends within a write that a kill cuts (`alignment`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from walcrash.case.alignment import grow
from walcrash.values.case import BootPlan
from walcrash.values.event import Event, EventKind
from walcrash.values.operation import Operation
from walcrash.values.record import RecordType
from walcrash.values.seed import Prng
from walcrash.values.tears import HEAD_BYTES, PAGE_BYTES, telling_cuts
from walcrash.workload.payload_form import DIFFERENT_BYTES, PayloadForm, PutSize, form_of
from walcrash.workload.placed import named_bytes

# limits
LEFT_ONE_IN: Final = 4
"""Of so many puts that a power loss may tear one lies as it comes; other records are moved."""

ELSEWHERE_ONE_IN: Final = 3
"""Of so many puts that are moved one has the sector end elsewhere than in its header; of marks,
which are hardly more than a header, half as many."""

PAGE_ONE_IN: Final = 3
"""Of so many records that are moved one is moved to a page end, if payloads reach so far."""

FIRST_BYTES: Final = 2
"""What a header mostly begins with, its type, takes so many bytes."""

FIRST_TIMES: Final = 4
"""A sector end is so many times as likely behind one of these as behind a later byte."""

TRIED_BYTES: Final = 4
"""So many bytes around an estimate are tried as the growth of a payload."""


def aligned_for_power(
    plan: BootPlan, events: Sequence[Event], prng: Prng, *, unit_bytes: int, most_payload_bytes: int
) -> BootPlan | None:
    """Return a boot's plan with telling bytes of many records at sector ends.

    Args:
        plan: what was drawn.
        events: its trace.
        prng: which records are moved, and how far, is drawn from it.
        unit_bytes: what a device writes whole.
        most_payload_bytes: the longest that a payload may get.

    Returns:
        None where no record can be moved.
    """
    made, moved, first = plan, 0, 1
    writes = list(_record_writes(plan, events))
    written = _Written.of(plan, writes)
    for event in writes:
        is_put = _is_put(plan.operations[event.call])
        wanted = _drawn_cut(prng, event.length, ELSEWHERE_ONE_IN * (1 if is_put else 2))
        is_left = prng.below(LEFT_ONE_IN) == 0 and is_put
        units = [max(unit_bytes, PAGE_BYTES), unit_bytes]
        for unit in units if prng.below(PAGE_ONE_IN) == 0 else units[1:]:
            at = event.offset + moved
            if is_left or not -(at + wanted) % unit:
                break
            calls = range(first, event.call)
            grown = _moved(made, calls, at, wanted, unit, written, most_payload_bytes)
            if grown is not None:
                moved += written.more_bytes(made, grown)
                made, first = grown, event.call
                break
    return None if made is plan else made


def _moved(
    plan: BootPlan,
    calls: range,
    offset: int,
    wanted: int,
    unit: int,
    written: "_Written",
    most_payload_bytes: int,
) -> BootPlan | None:
    """Return a plan in which a record that begins at an offset has a sector end where it is wanted.

    Where that very byte cannot be reached it is the nearest, of a header in the header.
    """
    about = round(-(offset + wanted) % unit / written.scale)
    nearest: tuple[tuple[bool, int], BootPlan] | None = None
    for more in range(max(0, about - TRIED_BYTES), about + TRIED_BYTES + 1):
        grown = grow(plan, calls, more, most_payload_bytes)
        if grown is None:
            break
        cut = -(offset + written.more_bytes(plan, grown)) % unit
        missed = (not 0 < cut <= max(wanted, HEAD_BYTES), abs(cut - wanted))
        if nearest is None or missed < nearest[0]:
            nearest = missed, grown
    return None if nearest is None else nearest[1]


@dataclass(frozen=True, slots=True)
class _Written:
    """How many bytes of a file a payload takes.

    Attributes:
        scale: for each of its bytes, from 1 to 4.
        form: how it is written; None where the scale is all that is known.
    """

    scale: float
    form: PayloadForm | None

    @classmethod
    def of(cls, plan: BootPlan, writes: Sequence[Event]) -> Self:
        """Return what the puts of a boot show."""
        puts = [
            PutSize(len(record.payload), event.result - named_bytes(record))
            for event in writes
            if (record := plan.operations[event.call].record) is not None
            and record.type is RecordType.PUT
        ]
        least, most = min(puts, default=PutSize(0, 0)), max(puts, default=PutSize(0, 0))
        longer_bytes = most.payload - least.payload
        if longer_bytes < DIFFERENT_BYTES:
            return cls(1.0, None)
        scale = (most.written - least.written) / longer_bytes
        return cls(min(4.0, max(1.0, scale)), form_of(puts))

    def more_bytes(self, plan: BootPlan, grown: BootPlan) -> int:
        """Return by how many bytes the records of a plan get longer in their file."""
        lengths = [
            (len(one.record.payload), len(two.record.payload))
            for one, two in zip(plan.operations, grown.operations, strict=True)
            if one is not two and one.record is not None and two.record is not None
        ]
        if self.form is None:
            return round(self.scale * sum(long - short for short, long in lengths))
        written = self.form.written
        return sum(written(long) - written(short) for short, long in lengths)


def _is_put(operation: Operation) -> bool:
    return operation.record is not None and operation.record.type is RecordType.PUT


def _drawn_cut(prng: Prng, length: int, elsewhere_one_in: int) -> int:
    """Return how many bytes of a record lie before the end of a sector."""
    if prng.below(elsewhere_one_in) == 0:
        return prng.choice(telling_cuts(length))
    head, first = min(HEAD_BYTES, length - 1), min(FIRST_BYTES, length - 1)
    at = 1 + prng.below(head + (FIRST_TIMES - 1) * FIRST_BYTES)
    return at if at <= head else 1 + prng.below(first)


def _record_writes(plan: BootPlan, events: Sequence[Event]) -> Iterator[Event]:
    """Yield the last write of each append, of those that can be torn."""
    last: dict[int, Event] = {}
    for event in events:
        if event.kind is EventKind.WRITE and not event.is_no_call and event.result > 1:
            last[event.call] = event
    for call, event in sorted(last.items()):
        if 0 <= call < len(plan.operations) and plan.operations[call].record is not None:
            yield event
