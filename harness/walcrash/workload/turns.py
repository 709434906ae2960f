"""Turns: each kind of call that the control cases made, with each error, one case for each.

A kind of call is an operation, a call and the kind of file that it acts on. The first error of the
table comes for all of them before the second one comes for any, so that a campaign that ends early
has seen every call fail. Calls that move a part, or that are slow, have one turn each. A case has
the fault of its turn and no other; what else it does is drawn.

Not here: whether the call was struck in the end, which the fault matrix says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.values.case import BootPlan
from walcrash.values.faults import (
    CallError,
    ErrorName,
    FaultCall,
    FaultKind,
    FaultPlan,
    Injectable,
    NthCall,
    ShortTransfer,
    SlowCall,
    class_of,
    draw_delay_ms,
    pairs_of,
    times_of,
)
from walcrash.values.faults.kill import KEPT_SCALE
from walcrash.values.faults.nth_call import UNSEEN_CALLS, is_named
from walcrash.values.operation import OperationKind
from walcrash.values.role import role_glob
from walcrash.values.seed import Prng
from walcrash.workload.profile import REOPEN, FileCalls, Made, Profile, operation_key

# limits
TRIES: Final = 24
"""How often a case is drawn at most until it has the operation of its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What fails in one case.

    Attributes:
        plan: what asks for it.
        key: the operation, as a profile counts it.
        on: the call.
        role: the kind of file; empty for a call that no trace shows.
        made: where a control case made most of these calls in one operation; None for a call that
            no trace shows.
        error: what it returns; None for a transfer of a part, and for a call that is slow.
    """

    plan: FaultPlan
    key: str
    on: FaultCall
    role: str
    made: Made | None
    error: ErrorName | None


def turns_of(faults: Sequence[FaultPlan], profile: Profile) -> tuple[Turn, ...]:
    """Return the turns of a scenario, in their order; empty where none of its faults has turns.

    Args:
        faults: the scenario's.
        profile: what the control cases called.
    """
    found: list[tuple[int, int, Turn]] = []
    for plan in faults:
        if plan.in_turn:
            calls: dict[FaultCall, int] = {}
            for on, error in _pairs(plan):
                rank = calls[on] = calls.get(on, -1) + 1
                found += [(rank, len(found), turn) for turn in _turns(plan, on, error, profile)]
    return tuple(turn for _, _, turn in sorted(found, key=lambda each: each[:2]))


def turn_at(turns: Sequence[Turn], faults: Sequence[FaultPlan], index: int) -> Turn | None:
    """Return the turn of a case; None where the case is drawn as ever.

    When all had their turn they begin anew, unless other faults wait to be drawn.
    """
    if not turns:
        return None
    others = any(isinstance(class_of(plan), Injectable) and not plan.in_turn for plan in faults)
    return None if others and index >= len(turns) else turns[index % len(turns)]


def control_of_turn(turn: Turn, turns: Sequence[Turn], index: int) -> Made | None:
    """Return where a control case made the call of a turn, if the case is to be like that one.

    Such a case makes the call for certain, also where an operation seldom does: a compaction that
    has something to drop. When the turns begin anew, cases are drawn. So is one whose error falls
    into a recovery, which has to have something to recover.
    """
    return turn.made if index < len(turns) and turn.key != REOPEN else None


def possible_places(turn: Turn, boots: Sequence[BootPlan]) -> list[tuple[int, int]]:
    """Return the boots, from 0, and operations of a case into which its fault may fall."""
    last = len(boots) - 1
    return [
        (number, at)
        for number, boot in enumerate(boots)
        if turn.plan.boots.selects(boot=number, is_last=number == last)
        for at, operation in enumerate(boot.operations)
        if operation_key(operation, is_first_boot=number == 0) == turn.key
    ]


def fault_of(turn: Turn, place: tuple[int, int], prng: Prng) -> NthCall:
    """Return the fault of a turn in an operation of a boot."""
    boot, call = place
    files = turn.plan.files or (role_glob(turn.role) if turn.role else "")
    ordinal = prng.below(UNSEEN_CALLS if turn.made is None else turn.made.count)
    if turn.plan.kind is FaultKind.SLOW:
        return SlowCall(
            boot=boot, call=call, on=turn.on, ordinal=ordinal, times=turn.plan.times, files=files,
            delay_ms=draw_delay_ms(turn.plan, prng),
        )  # fmt: skip
    if turn.error is None:
        return ShortTransfer(
            boot=boot, call=call, on=turn.on, ordinal=ordinal, times=turn.plan.times, files=files,
            kept=prng.below(KEPT_SCALE),
        )  # fmt: skip
    return CallError(
        page=prng.below(KEPT_SCALE) if turn.on is FaultCall.PAGE else 0,
        boot=boot, call=call, on=turn.on, ordinal=ordinal, times=times_of(turn.plan, turn.error),
        files=files, error=turn.error, failed_sync=turn.plan.failed_sync,
    )  # fmt: skip


def _pairs(plan: FaultPlan) -> Iterator[tuple[FaultCall, ErrorName | None]]:
    if plan.kind is FaultKind.SHORT:
        yield from ((on, None) for on in plan.short_calls)
    elif plan.kind is FaultKind.SLOW:
        yield from ((on, None) for on in plan.slow_calls)
    else:
        yield from pairs_of(plan.calls, plan.errors)


def _turns(
    plan: FaultPlan, on: FaultCall, error: ErrorName | None, profile: Profile
) -> Iterator[Turn]:
    for key, calls in profile.by_role.items():
        named = {OperationKind.OPEN.value} if key == REOPEN else set(key.split())
        if plan.operations and not named & set(plan.operations):
            continue
        # What no trace shows any operation may call.
        roles = {"": None} if on in _UNRECORDED else _roles(plan, on, calls)
        for role, made in roles.items():
            yield Turn(plan=plan, key=key, on=on, role=role, made=made, error=error)


def _roles(plan: FaultPlan, on: FaultCall, calls: FileCalls) -> Mapping[str, Made | None]:
    """Return the kinds of files that an operation makes a call on, each with where it does."""
    roles: dict[str, Made | None] = {}
    for (kind, role), made in calls.items():
        # A role stands for files of any number.
        is_asked = not plan.files or is_named(role.replace("#", "1"), plan.files)
        if kind in on.kinds and is_asked:
            roles.setdefault(role, made)
    return roles


_UNRECORDED: Final = frozenset({FaultCall.OPEN, FaultCall.READ, FaultCall.PAGE, FaultCall.CLOSE})
"""Calls that are in no trace where none of them fails."""
