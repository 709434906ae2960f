"""Faults of a scenario that no call of its cases fits, with the keys that keep them from it.

A call is known by what it was, during which operation, and the role of its file, so a pattern that
may fit a file of the role counts as one that does: a role stands for files of any number.

Not every call is in a trace that may fail on request, such as reads: of a fault on these only the
pattern is held against the files of other calls.

Not here: cells that could have been reached and were not (`fault_tally`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from walcrash.values.event import EventKind
from walcrash.values.fault_matrix import AbsentFault, CallRow, call_kind
from walcrash.values.faults import FaultKind, FaultPlan
from walcrash.values.faults.calls import ON_REQUEST
from walcrash.values.faults.quota import TAKES_ROOM

_ANY: Final = "?"
_MANY: Final = "*"
_DRAWN: Final = "#"
"""Letters, digits and underscores, however many: numbers and random letters are no more."""

_PATTERN: Final = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)
_ROLE: Final = re.compile(r"\\.|.", re.DOTALL)

Tokens = tuple[tuple[bool, str], ...]
"""Characters, each with whether it stands for others."""


def absent_faults(
    rows: Sequence[CallRow], plans: Sequence[FaultPlan], renamed: Sequence[str] = ()
) -> tuple[AbsentFault, ...]:
    """Return the faults that no row fits, each once; a fault that names nothing fits any.

    Args:
        rows: the calls that a scenario's cases and controls made.
        plans: its faults.
        renamed: the names that files got by a rename or a link: damage at rest may hit them.
    """
    known = [row for row in rows if row.operation is not None]
    if not known:
        return ()
    at_rest = {*(row.role for row in rows), *renamed}
    found = (
        _absent(known, plan)
        for plan in plans
        if plan.kind is not FaultKind.ROT or not any(_is_named(plan, role) for role in at_rest)
    )
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _absent(rows: Sequence[CallRow], plan: FaultPlan) -> AbsentFault | None:
    if not (plan.files or plan.calls or plan.operations) or _fits(rows, plan):
        return None
    # The key without which a call fits is the one to change; else it is all of them.
    without = {
        "files": replace(plan, files=""),
        "calls": replace(plan, calls=()),
        "operations": replace(plan, operations=()),
    }
    blamed = [key for key, other in without.items() if _fits(rows, other)] or list(without)
    return AbsentFault(
        kind=plan.kind.value,
        files=plan.files if "files" in blamed else "",
        calls=tuple(call.value for call in plan.calls) if "calls" in blamed else (),
        operations=plan.operations if "operations" in blamed else (),
    )


def _fits(rows: Sequence[CallRow], plan: FaultPlan) -> bool:
    return any(_is_on(plan, row) and _is_named(plan, row.role) for row in rows)


def _is_on(plan: FaultPlan, row: CallRow) -> bool:
    """Whether a fault may fall on a row's call in its operation, whatever the file."""
    if plan.kind is FaultKind.ROT:
        return True
    return plan.is_in(row.operation, row.record) and _is_call(plan)(row.call)


def _is_call(plan: FaultPlan) -> Callable[[EventKind], bool]:
    if plan.kind is FaultKind.QUOTA:
        return lambda call: call in TAKES_ROOM
    calls = plan.calls
    if plan.kind is FaultKind.SHORT:
        calls = plan.short_calls
    elif plan.kind is FaultKind.SLOW:
        calls = plan.slow_calls
    kinds = {kind for call in calls for kind in call.kinds}
    if not kinds or ON_REQUEST & set(calls):
        return lambda _: True
    made = {call_kind(kind) for kind in kinds}
    return lambda call: call in made


def _is_named(plan: FaultPlan, name: str) -> bool:
    """Whether a file of a role may have a name that a plan names."""
    if not plan.files:
        return True
    pattern = tuple(
        (part in (_ANY, _MANY) or len(part) > 1, _ANY if len(part) > 1 else part)
        for part in _PATTERN.findall(plan.files)
    )
    role = tuple(
        (part in ("#", _MANY), _DRAWN if part in ("#", _MANY) else part[-1])
        for part in _ROLE.findall(name)
    )
    slash = max((at for at, part in enumerate(role) if part == (False, "/")), default=-1)
    return _overlap(pattern, role) or _overlap(pattern, role[slash + 1 :])


def _overlap(one: Tokens, other: Tokens) -> bool:
    """Whether a name can be of a pattern and of a role."""

    @cache
    def rest(at: int, to: int) -> bool:
        left, right = one[at : at + 1], other[to : to + 1]
        if not left and not right:
            return True
        if left == ((True, _MANY),):
            return rest(at + 1, to) or (bool(right) and rest(at, to + 1))
        if right == ((True, _DRAWN),):
            return rest(at, to + 1) or (bool(left) and _is_drawn(left[0]) and rest(at + 1, to))
        is_alike = bool(left and right) and (left[0][0] or right[0][0] or left == right)
        return is_alike and rest(at + 1, to + 1)

    return rest(0, 0)


def _is_drawn(token: tuple[bool, str]) -> bool:
    is_any, text = token
    return is_any or text == "_" or text.isalnum()
