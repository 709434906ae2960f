"""Profiles: how many events each operation has, measured in boots without a crash.

A crash point says the n-th event of a call, so that whoever draws one has to know how many
there are. The profile holds the most that the control run showed, and what its files showed.

Not here: running anything.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from walcrash.recorder.recording import EventRow
from walcrash.values.case import BootPlan
from walcrash.values.event import MESSAGES, Event, EventKind
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.role import role_of
from walcrash.workload.fit import Fit

REOPEN: Final = "reopen"
"""The name under which the `open` of a later boot is counted: it has something to recover."""


def thread_count(events: Iterable[Event | EventRow]) -> int:
    """Return how many threads and processes changed files in a boot, or synced them."""
    return len({event.thread for event in events if event.kind not in MESSAGES})


def operation_key(operation: Operation, *, is_first_boot: bool) -> str:
    """Return the name under which a profile counts an operation.

    `append` is counted by record type, such as `append MarkDone`; the `open` of a later boot,
    which has something to recover, is `reopen`.
    """
    if operation.record is not None:
        return f"{operation.kind.value} {operation.record.type.value}"
    if operation.kind is OperationKind.OPEN and not is_first_boot:
        return REOPEN
    return operation.kind.value


@dataclass(frozen=True, slots=True)
class Made:
    """Calls of one kind on one kind of file that one operation of a control case made.

    Attributes:
        count: how many.
        control: the control case's index.
        boot: the boot, from 0.
        call: the position of the operation among the boot's operations.
    """

    count: int
    control: int
    boot: int
    call: int


FileCalls = Mapping[tuple[EventKind, str], Made]
"""Calls by their kind, and by the name of the file with digits as `#`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The most events that each operation was seen to have.

    Attributes:
        by_kind: for each operation key, the events of each kind, messages included.
        total: for each operation key, all events of one call, its reply included.
        fit: what the subject's files showed of its records.
        by_role: for each operation key its calls, each where an operation made most of them.
        has_threads: whether two threads or processes changed files, or synced them, in one boot.
    """

    by_kind: Mapping[str, Mapping[EventKind, int]] = field(default_factory=dict)
    total: Mapping[str, int] = field(default_factory=dict)
    fit: Fit = field(default_factory=Fit)
    by_role: Mapping[str, FileCalls] = field(default_factory=dict)
    has_threads: bool = False

    @classmethod
    def of(cls, boots: Sequence[tuple[BootPlan, Sequence[Event]]], *, control: int = 0) -> Self:
        """Count the boots of one control case, in order, each with its trace."""
        counted = []
        roles: list[tuple[str, FileCalls]] = []
        for number, (plan, events) in enumerate(boots):
            calls: list[Counter[EventKind]] = [Counter() for _ in plan.operations]
            files: list[Counter[tuple[EventKind, str]]] = [Counter() for _ in plan.operations]
            for event in events:
                if 0 <= event.call < len(calls):
                    calls[event.call][event.kind] += 1
                    if not event.is_message:
                        files[event.call][event.kind, role_of(event.path)] += 1
            for at, operation in enumerate(plan.operations):
                key = operation_key(operation, is_first_boot=number == 0)
                counted.append((key, calls[at], calls[at].total()))
                made = {each: Made(n, control, number, at) for each, n in files[at].items()}
                roles.append((key, made))
        has_threads = any(thread_count(events) > 1 for _, events in boots)
        return replace(cls._most(counted), by_role=_most_of(roles), has_threads=has_threads)

    @classmethod
    def merged(cls, profiles: Sequence[Self]) -> Self:
        """Return the most that any of the profiles has."""
        merged = cls._most(
            (key, profile.by_kind.get(key, {}), total)
            for profile in profiles
            for key, total in profile.total.items()
        )
        roles = (each for profile in profiles for each in profile.by_role.items())
        has_threads = any(profile.has_threads for profile in profiles)
        return replace(merged, by_role=_most_of(roles), has_threads=has_threads)

    @classmethod
    def _most(cls, counted: Iterable[tuple[str, Mapping[EventKind, int], int]]) -> Self:
        by_kind: dict[str, dict[EventKind, int]] = {}
        totals: dict[str, int] = {}
        for key, kinds, total in counted:
            totals[key] = max(total, totals.get(key, 0))
            most = by_kind.setdefault(key, {})
            for kind, count in kinds.items():
                most[kind] = max(count, most.get(kind, 0))
        return cls(by_kind, totals)

    def count(self, key: str, event: EventKind | None) -> int:
        """Return how many events of a kind, or of all kinds for None, one call had at most."""
        if event is None:
            return self.total.get(key, 0)
        return self.by_kind.get(key, {}).get(event, 0)


def _most_of(counted: Iterable[tuple[str, FileCalls]]) -> dict[str, FileCalls]:
    """Return for each key its calls where most were made, the first place of several."""
    most: dict[str, dict[tuple[EventKind, str], Made]] = {}
    for key, calls in counted:
        found = most.setdefault(key, {})
        for each, made in calls.items():
            known = found.get(each)
            if known is None or made.count > known.count:
                found[each] = made
    kinds = list(EventKind)
    return {
        key: dict(sorted(calls.items(), key=lambda each: (kinds.index(each[0][0]), each[0][1])))
        for key, calls in sorted(most.items())
    }
