"""Refused operations: a case without what the subject refused from an injected error on.

An append that was refused left nothing, as if it had not been asked for. Without the error it is
made, and the log has another record, perhaps another file: the crash then meets another store. So
such an append is taken away with its error.

Not here: where the crash falls without what an error added (`counterpart`); which runs are made
(`plain`).
"""

from collections.abc import Mapping
from dataclasses import replace

from walcrash.case.case_run import CaseRun
from walcrash.values.case import BootPlan
from walcrash.values.faults import CrashPoint
from walcrash.values.history import BootHistory, Outcome
from walcrash.values.operation import OperationKind

_NOT_MADE = frozenset({Outcome.REFUSED, Outcome.REFUSED_DEFINITE, Outcome.NOT_ASKED})


def kept_calls(run: CaseRun, boot: int) -> Mapping[int, int]:
    """Return the new position of each call of a boot, from 0, that stays without its errors.

    A boot that replays from a call keeps all of its calls.
    """
    operations = run.case.boots[boot].operations
    refused: frozenset[int] = frozenset()
    is_replayed = any(operation.from_call is not None for operation in operations)
    if boot < len(run.history.boots) and not is_replayed:
        refused = _refused_appends(run.history.boots[boot])
    kept = [at for at in range(len(operations)) if at not in refused]
    return {old: new for new, old in enumerate(kept)}


def _refused_appends(history: BootHistory) -> frozenset[int]:
    """Return the positions of the appends that were not made from the boot's first error on."""
    if not history.errors:
        return frozenset()
    return frozenset(
        at
        for at, call in enumerate(history.calls)
        if at >= history.errors[0].call
        and call.operation.kind is OperationKind.APPEND
        and call.outcome in _NOT_MADE
    )


def with_kept_calls(plan: BootPlan, kept: Mapping[int, int]) -> BootPlan:
    """Return a boot with the calls that stay; a kill in another falls behind the one before it."""
    operations = tuple(each for at, each in enumerate(plan.operations) if at in kept)
    crash = plan.crash
    if isinstance(crash, CrashPoint):
        if crash.call in kept:
            crash = replace(crash, call=kept[crash.call])
        else:
            before = max(new for old, new in kept.items() if old < crash.call)
            crash = CrashPoint.after_call(before)
    return replace(plan, operations=operations, crash=crash)
