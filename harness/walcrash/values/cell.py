"""Cells: the kinds of place that a crash can fall on, by which a search knows what is new.

Not here: which cells a boot has, and in which order they are tried (`walcrash.case`).
"""

from dataclasses import dataclass
from typing import Annotated

from walcrash.values.event import EventKind
from walcrash.values.forms import SPARSE, Count, FileName, Row
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.quick_enum import QuickEnum
from walcrash.values.record import RecordType


class BootKind(QuickEnum):
    """What a boot began on."""

    FIRST = "first"
    CLOSED = "after a close"
    KILLED = "after a kill"
    POWER_LOST = "after a power loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Row):
    """One kind of place that a crash can fall on.

    Attributes:
        operation: what was called; None where no call was under way.
        record: the type of the record, where that was an append.
        kind: the event's kind.
        role: the name that the event acted on, digits as `#`; empty for a message.
        placement: before the event, within it or after it.
        boot: what its boot began on.
        is_power_loss: whether the power was lost there; else the process was killed.
    """

    operation: OperationKind | None
    record: RecordType | None
    kind: EventKind
    role: FileName
    placement: Placement
    boot: BootKind
    is_power_loss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTotals:
    """What the search of one case judged of the crash states that its traces hold.

    Attributes:
        states: for each state that was judged, in order, a short hash of its kind: where the crash
            fell, what was kept, and what the recovery showed beside what had been promised. Equal
            ones are of one kind, also in other cases.
        cells: the cells that were reached, each with how many states of it were judged.
        is_exhausted: whether there was no other state to judge at the depths that were searched.
        unreached: cells that its traces have, where its faults may fall, of which no state was
            judged.
    """

    states: Annotated[tuple[str, ...], SPARSE] = ()
    cells: Annotated[tuple[tuple[Cell, Count], ...], SPARSE] = ()
    is_exhausted: Annotated[bool, SPARSE] = False
    unreached: Annotated[tuple[Cell, ...], SPARSE] = ()


NOTHING_SEARCHED = SearchTotals()
"""The totals of a case of which nothing but its own crash was judged."""
