"""Sync sites: where a subject syncs, found in the traces of its boots; and traces without them.

A site is named by the operation, the call, the file and, where one operation does that more than
once, the number: `apply: fsync . (2nd)`. Numbers and random parts of file names become `*`, so
that segments and temporary files of all calls are one site.

To take a site away is to make its events silent in the trace. The subject is not run again: what
it did does not depend on what the disk keeps.

Not here: what a sync makes durable (`walcrash.disk`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from walcrash.values.audit import UnsyncedPromise
from walcrash.values.case import BootPlan
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.event import Event, EventKind
from walcrash.values.history import BootHistory, Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.ordinal import ordinal
from walcrash.workload.draw import operation_key

_SYNC_NAMES: Final = ("fsync", "fdatasync", "sync-all", "msync")
_SYNCS: Final = frozenset(kind for kind in EventKind if kind.value in _SYNC_NAMES)

# Neither a name that is taken away too late nor a mode that is the old one breaks a promise alone.
_CHANGES: Final = frozenset(
    {
        EventKind.CREATE,
        EventKind.TRUNCATE,
        EventKind.WRITE,
        EventKind.ALLOCATE,
        EventKind.RENAME,
        EventKind.LINK,
        EventKind.SYMLINK,
        EventKind.MKDIR,
    }
)

_RANDOM_PARTS: Final = (
    re.compile(r"(?<=tmp)[a-z0-9_]{6,}"),
    re.compile(r"(?=[a-f]*\d)[0-9a-f]{8,}"),
    re.compile(r"\d+"),
)

OUTSIDE: Final = "between calls"
"""What the subject does before its first call."""


@dataclass(frozen=True, slots=True)
class Site:
    """One site in one boot: its name, and the positions of its events in the boot's trace."""

    name: str
    events: frozenset[int]


def find_sites(plan: BootPlan, events: Sequence[Event], *, is_first_boot: bool) -> list[Site]:
    """Return the sites of a boot, in the order in which its trace first reaches them."""
    found: dict[str, set[int]] = {}
    reached: Counter[tuple[int, str]] = Counter()
    for index, event in enumerate(events):
        if is_sync(event):
            what = _what(event)
            reached[event.call, what] += 1
            nth = reached[event.call, what]
            operation = _operation(plan, event.call, is_first_boot=is_first_boot)
            name = f"{operation}: {what}" + (f" ({ordinal(nth)})" if nth > 1 else "")
            found.setdefault(name, set()).add(index)
    return [Site(name, frozenset(indices)) for name, indices in found.items()]


def is_sync(event: Event) -> bool:
    """Whether an event made something durable before it returned."""
    if event.kind in _SYNCS:
        return event.result >= 0
    return event.is_synchronous and event.result > 0


def without(events: Sequence[Event], removed: frozenset[int]) -> tuple[Event, ...]:
    """Return a trace in which these events make nothing durable; positions stay as they are."""
    return tuple(
        _silenced(event) if index in removed else event for index, event in enumerate(events)
    )


def _silenced(event: Event) -> Event:
    if event.kind in _SYNCS:
        # sync_file_range(2) promises nothing, so the models pass over it.
        return replace(event, kind=EventKind.SYNC_RANGE)
    return replace(event, is_synchronous=False)


def call_name(plan: BootPlan, event: Event, *, is_first_boot: bool) -> str:
    """Return the name of the site of any call: `append PutOperation: write wal.log`."""
    operation = _operation(plan, event.call, is_first_boot=is_first_boot)
    return f"{operation}: {event.kind.value} {steady_name(event.path)}".rstrip()


def _what(event: Event) -> str:
    if event.kind in _SYNCS:
        return f"{event.kind.value} {steady_name(event.path)}".rstrip()
    return f"synchronous {event.kind.value} {steady_name(event.path)}"


def steady_name(path: str) -> str:
    """Return a path with `*` for its numbers and random parts."""
    for pattern in _RANDOM_PARTS:
        path = pattern.sub("*", path)
    return path


def _operation(plan: BootPlan, call: int, *, is_first_boot: bool) -> str:
    if not 0 <= call < len(plan.operations):
        return OUTSIDE
    return operation_key(plan.operations[call], is_first_boot=is_first_boot)


# Promises.


def has_promise(contract: Contract, boots: Iterable[BootHistory]) -> bool:
    """Whether any record has been promised to survive a power loss."""
    if contract.power is Promise.NONE:
        return False
    is_waiting = False
    for call in (call for boot in boots for call in boot.calls):
        if call.outcome is not Outcome.ACKNOWLEDGED:
            continue
        if call.operation.record is not None:
            is_waiting = True
        is_at_once = contract.acknowledges is Acknowledges.APPEND
        is_group_end = call.operation.kind in (OperationKind.SYNC, OperationKind.CLOSE)
        if is_waiting and (is_at_once or is_group_end):
            return True
    return False


def find_unsynced(
    contract: Contract,
    plan: BootPlan,
    history: BootHistory,
    events: Sequence[Event],
    *,
    is_first_boot: bool,
) -> list[UnsyncedPromise]:
    """Return the kinds of operation that promise something, with how many end without a sync.

    An append counts if no sync lies between its last change and its reply, or if it has changed
    nothing at all; a `sync` if there is any change behind the last sync before its reply; any
    other if it has changed something and no sync follows that.
    """
    if contract.power is not Promise.ALL:
        return []
    last_sync, last_change = _last_of_calls(events)
    calls: Counter[str] = Counter()
    unsynced: Counter[str] = Counter()
    for number, call in enumerate(history.calls):
        if call.outcome is Outcome.ACKNOWLEDGED and _promises(contract, call):
            name = operation_key(plan.operations[number], is_first_boot=is_first_boot)
            calls[name] += 1
            is_group_end = call.operation.kind is OperationKind.SYNC
            changed = _up_to(last_change, number) if is_group_end else last_change.get(number)
            synced = _up_to(last_sync, number) if is_group_end else last_sync.get(number, -1)
            if changed is None:
                # A record that was only put into memory is promised all the same.
                unsynced[name] += call.operation.record is not None and synced < 0
            else:
                unsynced[name] += synced < changed
    return [
        UnsyncedPromise(operation=name, unsynced=unsynced[name], calls=count)
        for name, count in calls.items()
    ]


def _promises(contract: Contract, call: Call) -> bool:
    if call.operation.record is not None:
        return contract.acknowledges is Acknowledges.APPEND
    return call.operation.kind in (
        OperationKind.SYNC,
        OperationKind.APPLY,
        OperationKind.COMPACT,
        OperationKind.CLOSE,
    )


def _last_of_calls(events: Sequence[Event]) -> tuple[dict[int, int], dict[int, int]]:
    """Return where each call's last sync is, and its last change that is not durable at once."""
    last_sync: dict[int, int] = {}
    last_change: dict[int, int] = {}
    for index, event in enumerate(events):
        if is_sync(event):
            last_sync[event.call] = index
            # What a synchronous write wrote needs no sync behind it.
            if event.kind not in _SYNCS:
                continue
        if event.kind in _CHANGES and event.result >= 0:
            last_change[event.call] = index
    return last_sync, last_change


def _up_to(last: Mapping[int, int], call: int) -> int:
    return max((index for number, index in last.items() if number <= call), default=-1)
