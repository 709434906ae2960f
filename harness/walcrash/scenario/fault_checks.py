"""Checks of what is injected: an error has to be one that the kernel can give for its call.

Source: `walcrash.values.faults.calls`, which has the manual pages.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.scenario.fault_table import FaultTable
from walcrash.scenario.problem import Problem
from walcrash.scenario.toml_position import KeyPath
from walcrash.values.faults import (
    ERRORS,
    PASSING,
    SLOW_CALLS,
    TRANSFERS,
    ErrorName,
    FaultCall,
    FaultKind,
    pairs_of,
)
from walcrash.values.faults.quota import FULL_ERRORS
from walcrash.values.faults.sync_failure import SyncFailure

_ON_FULL_DISK: Final = tuple(error.value for error in FULL_ERRORS)


def error_problems(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    """Report calls and errors of an injected fault that do not go together."""
    if fault.kind is FaultKind.ERROR:
        yield from _impossible_errors(place, fault)
        yield from _endless_errors(place, fault)
        yield from _other_failures(place, fault)
    elif fault.kind is FaultKind.SHORT:
        yield from _whole_calls(place, fault)
    elif fault.kind is FaultKind.QUOTA:
        yield from _other_errors(place, fault)
    elif fault.kind is FaultKind.SLOW:
        yield from _quick_calls(place, fault)


def _impossible_errors(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    given = pairs_of(fault.calls, ())
    pairs = pairs_of(fault.calls, fault.errors)
    names = ", ".join(f"`{call.value}`" for call in fault.calls) or "calls that change files"
    for position, error in enumerate(fault.errors):
        if not any(error is each for _, each in pairs):
            allowed = ", ".join(dict.fromkeys(each.value for _, each in given))
            yield Problem(
                (*place, "errors", position),
                f"the kernel never gives {error.value} for {names}; allowed: {allowed}",
                _hint_of(error.value, [call for call in FaultCall if error in ERRORS[call]]),
            )
    for position, call in enumerate(fault.calls):
        if fault.errors and not any(call is each for each, _ in pairs):
            allowed = ", ".join(error.value for error in ERRORS[call])
            found = ", ".join(error.value for error in fault.errors)
            yield Problem(
                (*place, "calls", position),
                f"the kernel gives none of {found} for `{call.value}`; allowed: {allowed}",
                f"take `{call.value}` out, or write it into a fault of its own",
            )


def _hint_of(error: str, calls: list[FaultCall]) -> str:
    names = ", ".join(f'"{call.value}"' for call in calls)
    return f"{error} comes from {names}"


def _endless_errors(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    for position, error in enumerate(fault.errors):
        if error in PASSING and fault.times is None:
            yield Problem(
                (*place, "errors", position),
                f"{error.value} says that the call may be made again, and does not come for ever; "
                'found `times = "from then on"`',
                f"write `times = 3`, or take {error.value} out",
            )


def _other_failures(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    """Yield what does not go with a sync that fails late, or takes its file back."""
    if fault.failed_sync is SyncFailure.KEPT:
        return
    name = fault.failed_sync.value
    if fault.calls != [FaultCall.FSYNC] or fault.errors != [ErrorName.EIO]:
        calls = ", ".join(f'"{call.value}"' for call in fault.calls) or "any call"
        errors = ", ".join(error.value for error in fault.errors) or "any error"
        yield Problem(
            (*place, "failed_sync"),
            f"`{name}` is known of an fsync that fails with EIO, and of nothing else; found "
            f"{calls} with {errors}",
            'write `calls = ["fsync"]` and `errors = ["EIO"]`',
        )
    if fault.failed_sync is SyncFailure.LATE and fault.times != 1:
        yield Problem(
            (*place, "failed_sync"),
            "a sync that fails late takes the file's next one with it; found `times` besides",
            'take `times` out, or write `failed_sync = "kept"`',
        )


def _whole_calls(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    rule = "only what moves bytes can be short"
    return _other_calls(place, fault, TRANSFERS, rule, FaultCall.WRITE)


def _quick_calls(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    rule = "only what changes files, or syncs one, can be slow"
    return _other_calls(place, fault, SLOW_CALLS, rule, FaultCall.FSYNC)


def _other_calls(
    place: KeyPath, fault: FaultTable, allowed: Sequence[FaultCall], rule: str, example: FaultCall
) -> Iterator[Problem]:
    """Yield the calls that a fault names and that are none of those that it may fall on."""
    names = ", ".join(f'"{each.value}"' for each in allowed)
    for position, call in enumerate(fault.calls):
        if call not in allowed:
            yield Problem(
                (*place, "calls", position),
                f"{rule}; found `{call.value}`; allowed: {names}",
                f'write `calls = ["{example.value}"]`',
            )


def _other_errors(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    for position, error in enumerate(fault.errors):
        if error not in FULL_ERRORS:
            yield Problem(
                (*place, "errors", position),
                f"a full disk does not give {error.value}; allowed: {', '.join(_ON_FULL_DISK)}",
                'write `errors = ["ENOSPC"]`, or `kind = "error"`',
            )
