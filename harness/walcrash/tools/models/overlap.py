"""Overlap: which syncs of a workload fell together with another process's sync of the same file.

Times are read where the device's count is read, before and after each call, so what is said to
overlap is no shorter than the call itself.

Not here: what an overlap means (`grounds`).
"""

import time
from collections.abc import Callable, Mapping, Sequence

from walcrash.blocks.background import OutsideSync
from walcrash.recorder.recording import Mark
from walcrash.tools.models.grounds import SYNCS
from walcrash.values.event import Event


class Ticks:
    """Readings of a device's count, each with its time; a reading is called by its number."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._read: list[tuple[int, int]] = []

    def tick(self) -> int:
        """Read the count and the time; return the number of the reading."""
        self._read.append((self._count(), time.monotonic_ns()))
        return len(self._read) - 1

    def counts(self, marks: Mapping[int, Mark]) -> dict[int, Mark]:
        """Return marks of counts for marks of readings."""
        return {
            number: (self._read[began][0], self._read[ended][0])
            for number, (began, ended) in marks.items()
        }

    def times(self, marks: Mapping[int, Mark]) -> dict[int, tuple[int, int]]:
        """Return when each call began and ended, in nanoseconds."""
        return {
            number: (self._read[began][1], self._read[ended][1])
            for number, (began, ended) in marks.items()
        }


def overlapped(
    events: Sequence[Event],
    times: Mapping[int, tuple[int, int]],
    syncs: Sequence[OutsideSync],
) -> tuple[int, ...]:
    """Return the numbers of the syncs of a file while it was being synced from outside.

    Args:
        events: the trace.
        times: when the calls of events began and ended, in nanoseconds, by number.
        syncs: the syncs from outside.
    """
    return tuple(
        number
        for number, event in enumerate(events)
        if (event.kind in SYNCS or event.is_synchronous)
        and number in times
        and any(_meet(event, times[number], sync) for sync in syncs)
    )


def _meet(event: Event, call: tuple[int, int], sync: OutsideSync) -> bool:
    began, ended = call
    is_over = sync.ended_ns is not None and sync.ended_ns < began
    return event.path == sync.path and sync.began_ns <= ended and not is_over
