"""Recordings: what one boot under watch left behind."""

import gc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from walcrash.values.event import INJECTED, MAPPED, Event, EventKind
from walcrash.values.moments import Placement

RawRow = tuple[EventKind, int, str, str, int, int, int, bytes, int, bool, int, int, int]
"""An event row while a boot is recorded: plain, since the hot loop makes thousands a second.

Nothing outside the recorder sees one: `named_rows` gives its places their names.
"""


Mark = tuple[int, int]
"""How much had reached the device when a call began, and when it returned.

What the kernel makes itself afterwards (an msync, a close) has not begun at the second."""


class EventRow(NamedTuple):
    """An event in a recording, with the fields of `Event` in their order."""

    kind: EventKind
    call: int
    path: str
    path_to: str
    file: int
    offset: int
    length: int
    data: bytes
    flags: int
    is_synchronous: bool
    result: int
    thread: int
    mode: int

    def event(self) -> Event:
        """Return the event as a value."""
        kind, call, path, path_to, file, offset, length, data, flags, is_synchronous, *rest = self
        result, thread, mode = rest
        return Event(
            kind=kind,
            call=call,
            path=path,
            path_to=path_to,
            file=file,
            offset=offset,
            length=length,
            data=data,
            flags=flags,
            is_synchronous=is_synchronous,
            result=result,
            thread=thread,
            mode=mode,
        )


def named_rows(rows: Iterable[RawRow]) -> tuple[EventRow, ...]:
    """Return the rows of a boot that is over, in their order."""
    # There are no cycles to find, and looking for them took two thirds of the time.
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        return tuple(map(EventRow._make, rows))
    finally:
        if was_collecting:
            gc.enable()


class WatchEnd(Enum):
    """Why the watch ended."""

    EXITED = "exited"
    KILLED = "killed"
    HUNG = "hung"
    TOO_LONG = "too-long"
    TOO_MUCH = "too-much"
    RETRYING = "retrying"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashLanding:
    """Where a kill landed: before, within or after the event of this index."""

    event_index: int
    placement: Placement
    row: EventRow
    kept_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One boot under watch.

    Attributes:
        rows: the events, in order; see `events`.
        end: why the watch ended.
        crash: where the kill landed, if there was one.
        unmodelled: calls that the recorder could not follow, each named with what it touched;
            a trace with any of these is incomplete.
        outside: paths outside the directory that were opened for writing, sorted.
        children: how many threads and processes the worker started.
        marks: by row, where `WatchPlan.count` is given; messages and stores have none.
    """

    rows: tuple[EventRow, ...]
    end: WatchEnd
    crash: CrashLanding | None
    unmodelled: tuple[str, ...]
    outside: tuple[str, ...]
    children: int
    marks: Mapping[int, Mark] = field(default_factory=dict)
    has_asked_random: bool = False

    def events(self) -> tuple[Event, ...]:
        """Return the events as values."""
        return tuple(row.event() for row in self.rows)

    def written_bytes(self) -> int:
        """Return how many bytes the recording holds of what was written."""
        return sum(len(row.data) for row in self.rows)

    def stored(self) -> int:
        """Return how many of the writes were stores through a mapping."""
        return sum(row.kind is EventKind.WRITE and bool(row.flags & MAPPED) for row in self.rows)

    def errors(self) -> set[tuple[int, bool]]:
        """Return the errno of each call that failed, and whether that was injected."""
        return {(-row.result, bool(row.flags & INJECTED)) for row in self.rows if row.result < 0}

    @property
    def has_injected(self) -> bool:
        """Whether anything was injected."""
        return any(row.flags & INJECTED for row in self.rows)

    def outlasted(self) -> int:
        """Return during how many of the slow calls another thread did something."""
        began = [at for at, row in enumerate(self.rows) if row.kind is EventKind.SLOW]
        return sum(map(self.is_outlasted, began))

    def is_outlasted(self, at: int) -> bool:
        """Whether another thread did something behind the slow call that began at an event."""
        rows = self.rows
        return at + 1 < len(rows) and rows[at + 1].thread != rows[at].thread

    @property
    def has_slow(self) -> bool:
        """Whether any call was made slow."""
        return any(row.kind is EventKind.SLOW for row in self.rows)

    def messages(self, kinds: frozenset[EventKind]) -> list[tuple[EventKind, bytes]]:
        """Return what the worker said, in order."""
        return [(row.kind, row.data) for row in self.rows if row.kind in kinds]
