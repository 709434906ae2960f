"""A program of the bench: go through all crash positions of a long trace, and say what it took.

It runs in a process of its own, so that its peak of memory is that of this work alone. The
trace is made as it is gone through, and making it is in the time: a log in segments, each
append synced and acknowledged, a state file replaced by rename at the end of each segment, the
segment before it removed. What is live stays small, so memory that grows is memory that is kept.

Not here: images (`images`), which sizes are compared (`growth`).
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice
from typing import Final

from walcrash.disk import crash_states
from walcrash.values.event import Event, EventKind
from walcrash.values.image import Image

# limits
APPENDS_A_SEGMENT: Final = 64
RECORD: Final = b"x" * 100
WARM_UP_EVENTS: Final = 1000
"""Gone through before anything is measured, and its peak of memory is the base."""

_EMPTY: Final = Image({})
_SYNC_DIRECTORY: Final = Event(kind=EventKind.FSYNC, path=".")
_REPLY: Final = Event(kind=EventKind.REPLY, data=b"R", length=1, result=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What going through a trace took.

    Attributes:
        us_per_event: processor time, microseconds.
        grown_mb: how much higher the peak of memory is than after the warm-up, megabytes.
        positions: how many crash positions one pass has.
    """

    us_per_event: float
    grown_mb: float
    positions: int


def go_through(events: int, passes: int, *, is_within_writes: bool) -> Passage:
    """Go through all crash positions of a trace, so many times, after a short one.

    Memory is measured well only in a process that has done nothing else.
    """
    _count_positions(WARM_UP_EVENTS, is_within_writes=is_within_writes)
    base_mb, began = _peak_mb(), time.process_time()
    for _ in range(passes):
        positions = _count_positions(events, is_within_writes=is_within_writes)
    seconds = time.process_time() - began
    return Passage(
        us_per_event=1e6 * seconds / (passes * events),
        grown_mb=_peak_mb() - base_mb,
        positions=positions,
    )


def work(events: int) -> Iterator[Event]:
    """Yield the first so many events of a log that never ends."""
    return islice(_log(), events)


def _log() -> Iterator[Event]:
    for segment in count():
        log, state = 2 * segment, 2 * segment + 1
        yield Event(kind=EventKind.CREATE, path=_name(segment), file=log)
        yield _SYNC_DIRECTORY
        for number in range(APPENDS_A_SEGMENT):
            yield _write(_name(segment), log, number * len(RECORD))
            yield Event(kind=EventKind.FDATASYNC, path=_name(segment), file=log)
            yield _REPLY
        yield Event(kind=EventKind.CREATE, path="state.tmp", file=state)
        yield _write("state.tmp", state, 0)
        yield Event(kind=EventKind.FSYNC, path="state.tmp", file=state)
        yield Event(kind=EventKind.RENAME, path="state.tmp", path_to="state", file=state)
        yield _SYNC_DIRECTORY
        if segment:
            yield Event(kind=EventKind.UNLINK, path=_name(segment - 1), file=log - 2)


def _name(segment: int) -> str:
    return f"log.{segment}"


def _write(path: str, file: int, offset: int) -> Event:
    return Event(
        kind=EventKind.WRITE,
        path=path,
        file=file,
        offset=offset,
        length=len(RECORD),
        data=RECORD,
        result=len(RECORD),
    )


def _count_positions(events: int, *, is_within_writes: bool) -> int:
    states = crash_states(_EMPTY, work(events), is_within_writes=is_within_writes)
    return sum(1 for _ in states)


def _peak_mb() -> float:
    """Return the most memory that this program has had.

    Not `ru_maxrss`: that begins with the peak of the process that started this one.
    """
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise AssertionError("Linux says VmHWM of every process")


if __name__ == "__main__":
    passage = go_through(int(sys.argv[1]), int(sys.argv[2]), is_within_writes=sys.argv[3] == "cut")
    sys.stdout.write(json.dumps(asdict(passage)))
