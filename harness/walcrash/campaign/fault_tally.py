"""Cells of the fault matrix that a scenario asks for and that no case reached.

A cell is asked for where a plan names the call and the error, or names none, and the operation and
the file are among those that the plan names. A call is known from the recorded boots.

Not here: what became of a strike (`walcrash.case.fault_rows`).
"""

from collections.abc import Sequence
from dataclasses import replace

from walcrash.campaign.absent_faults import absent_faults
from walcrash.values.event import EventKind
from walcrash.values.fault_matrix import (
    FULL_DISK,
    SHORT,
    CallRow,
    FaultMatrix,
    call_kind,
    in_order,
)
from walcrash.values.faults import (
    FaultCall,
    FaultKind,
    FaultPlan,
    Injectable,
    class_of,
    pairs_of,
)
from walcrash.values.faults.nth_call import is_named


def matrix_of(matrix: FaultMatrix, plans: Sequence[FaultPlan]) -> FaultMatrix | None:
    """Return a scenario's matrix with what was never reached; None where it injects nothing.

    Args:
        matrix: what its cases were struck by, with the calls that they made.
        plans: the scenario's faults.
    """
    asked = [plan for plan in plans if isinstance(class_of(plan), Injectable)]
    if not asked:
        return None
    absent = absent_faults(matrix.calls, asked)
    if all(class_of(plan).is_at_rest for plan in asked):
        return replace(matrix, calls=(), absent=absent)
    rows = tuple(_with_never(row, asked) for row in matrix.calls)
    return replace(matrix, calls=rows, absent=absent)


def _with_never(row: CallRow, plans: Sequence[FaultPlan]) -> CallRow:
    # Before the first operation nothing is injected.
    if row.operation is None:
        return row
    asked = {fault for plan in plans if _names(plan, row) for fault in _faults(plan, row.call)}
    return replace(row, never=tuple(in_order((asked & set(row.possible)) - row.struck.keys())))


def _names(plan: FaultPlan, row: CallRow) -> bool:
    """Whether a plan may fall into an operation, on a file."""
    # A role stands for files of any number.
    names = (row.role, row.role.replace("#", "1"))
    is_file = not plan.files or any(is_named(name, plan.files) for name in names)
    return is_file and plan.is_in(row.operation, row.record)


def _faults(plan: FaultPlan, call: EventKind) -> set[str]:
    """Return the columns of a plan for a kind of call."""
    match plan.kind:
        case FaultKind.ERROR:
            pairs = pairs_of(plan.calls, plan.errors)
            return {error.value for on, error in pairs if _is(on, call)}
        case FaultKind.SHORT:
            asked = any(_is(on, call) for on in plan.short_calls)
            return {SHORT} if asked else set()
        case FaultKind.QUOTA:
            return {FULL_DISK}
    return set()


def _is(on: FaultCall, call: EventKind) -> bool:
    return call in map(call_kind, on.kinds)
