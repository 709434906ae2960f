"""Recorded boots: at which byte of a record's header a sector ends."""

import pytest

from walcrash.case.recorded_boot import EMPTY, RecordedBoot
from walcrash.values.case import BootPlan
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.moments import CrashPosition
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType


@pytest.mark.parametrize(
    ("offset", "length", "head"),
    [(511, 99, 1), (506, 99, 6), (504, 99, 8), (503, 99, 0), (512, 99, 0), (506, 6, 0)],
)
def test_a_sector_end_in_the_header_of_a_record_is_told_by_the_bytes_before_it(
    offset: int, length: int, head: int
) -> None:
    operations = (
        Operation(OperationKind.OPEN),
        Operation(OperationKind.APPEND, Record(RecordType.DONE, "op-1", 1)),
        Operation(OperationKind.APPLY),
    )
    events = tuple(
        Event(kind=kind, call=call, path="log", offset=offset, length=length, result=length)
        for call, kind in ((1, EventKind.WRITE), (1, EventKind.FSYNC), (2, EventKind.WRITE))
    )
    boot = RecordedBoot(
        number=1,
        plan=BootPlan(operations),
        base=EMPTY,
        earlier=(),
        events=events,
        history_until=lambda _: BootHistory((), None, BootEnd.POWER_LOST),
    )
    assert [boot.head_bytes(CrashPosition(at)) for at in range(4)] == [head, 0, 0, 0]
