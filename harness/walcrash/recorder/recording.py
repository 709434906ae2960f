"""Recordings: what one boot under watch left behind."""

from dataclasses import dataclass
from enum import Enum

from walcrash.values.event import INJECTED, Event, EventKind
from walcrash.values.moments import Placement

EventRow = tuple[EventKind, int, str, str, int, int, int, bytes, int, bool, int, int, int]
"""An event in the order of `Event`'s fields; a tuple, since a hot loop makes thousands."""


class WatchEnd(Enum):
    """Why the watch ended."""

    EXITED = "exited"
    KILLED = "killed"
    HUNG = "hung"
    TOO_LONG = "too-long"
    TOO_MUCH = "too-much"


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
    """

    rows: tuple[EventRow, ...]
    end: WatchEnd
    crash: CrashLanding | None
    unmodelled: tuple[str, ...]
    outside: tuple[str, ...]
    children: int

    def events(self) -> tuple[Event, ...]:
        """Return the events as values."""
        return tuple(row_to_event(row) for row in self.rows)

    def errors(self) -> set[tuple[int, bool]]:
        """Return the errno of each call that failed, and whether that was injected."""
        return {(-row[10], bool(row[8] & INJECTED)) for row in self.rows if row[10] < 0}

    def messages(self, kinds: frozenset[EventKind]) -> list[tuple[EventKind, bytes]]:
        """Return what the worker said, in order."""
        return [(row[0], row[7]) for row in self.rows if row[0] in kinds]


def row_to_event(row: EventRow) -> Event:
    """Return an event row as a value."""
    kind, call, path, path_to, file, offset, length, data, flags, synchronous, *rest = row
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
        is_synchronous=synchronous,
        result=result,
        thread=thread,
        mode=mode,
    )
