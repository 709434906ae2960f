"""Cells of the fault matrix that a scenario asks for and that no case reached.

A cell is asked for where a plan names the call and the error, or names none, and the operation and
the file are among those that the plan names. A call is known from the recorded boots.

Not here: what became of a strike (`walcrash.case.fault_rows`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from walcrash.campaign.absent_faults import absent_faults
from walcrash.values.event import EventKind
from walcrash.values.fault_matrix import (
    FULL_DISK,
    REPEATED_RANDOM,
    SHORT,
    SLOW,
    BootRow,
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
    jump_names,
    pairs_of,
)
from walcrash.values.faults.nth_call import is_named


def matrix_of(matrix: FaultMatrix, plans: Sequence[FaultPlan]) -> FaultMatrix | None:
    """Return a scenario's matrix with what was never reached; None where nothing was injected.

    What no plan asks for and a fitted campaign had all the same has no cells that were not reached.

    Args:
        matrix: what its cases were struck by, with the calls that they made.
        plans: the scenario's faults.
    """
    asked = [plan for plan in plans if isinstance(class_of(plan), Injectable)]
    if not asked:
        return _struck_alone(matrix)
    absent = absent_faults(matrix.calls, asked, matrix.renamed)
    around = [plan for plan in asked if plan.kind in _AROUND]
    boots = tuple(_boot_with_never(row, around) for row in matrix.boots) if around else ()
    calls = tuple(_with_never(row, asked) for row in matrix.calls)
    is_called = any(not class_of(plan).is_at_rest and plan not in around for plan in asked)
    calls = calls if is_called else ()
    return replace(matrix, calls=calls, boots=boots, absent=absent, renamed=())


def _struck_alone(matrix: FaultMatrix) -> FaultMatrix | None:
    """Return the rows that a fault fell on; None where there are none."""
    calls = tuple(row for row in matrix.calls if row.struck)
    boots = tuple(row for row in matrix.boots if row.struck)
    return replace(matrix, calls=calls, boots=boots, renamed=()) if calls or boots else None


_AROUND: Final = (FaultKind.CLOCK, FaultKind.REPEATED_RANDOM)
"""Faults of whole boots."""


def _with_never(row: CallRow, plans: Sequence[FaultPlan]) -> CallRow:
    # Before the first operation nothing is injected.
    if row.operation is None:
        return row
    asked = {fault for plan in plans if _names(plan, row) for fault in _faults(plan, row.call)}
    return replace(row, never=tuple(in_order((asked & set(row.possible)) - row.struck.keys())))


def _boot_with_never(row: BootRow, plans: Sequence[FaultPlan]) -> BootRow:
    asked = {name for plan in plans if _is_in(plan, row) for name in _names_around(plan)}
    return replace(row, never=tuple(in_order(asked - row.struck.keys())))


def _is_in(plan: FaultPlan, row: BootRow) -> bool:
    """Whether a plan may fall on the first boot, or on later ones; a first one can be the last."""
    boot = int(row.is_later)
    return any(plan.boots.selects(boot=boot, is_last=is_last) for is_last in (False, True))


def _names_around(plan: FaultPlan) -> list[str]:
    return jump_names(plan) if plan.kind is FaultKind.CLOCK else [REPEATED_RANDOM]


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
            named = plan.failed_sync.column
            return {named(error.value) for on, error in pairs if _is(on, call)}
        case FaultKind.SHORT:
            asked = any(_is(on, call) for on in plan.short_calls)
            return {SHORT} if asked else set()
        case FaultKind.QUOTA:
            return {FULL_DISK}
        case FaultKind.SLOW:
            asked = any(_is(on, call) for on in plan.slow_calls)
            return {SLOW} if asked else set()
    return set()


def _is(on: FaultCall, call: EventKind) -> bool:
    return call in map(call_kind, on.kinds)
