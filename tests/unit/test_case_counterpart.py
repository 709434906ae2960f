"""Counterparts: where a crash falls in a trace without the events that injected faults added."""

import errno

from walcrash.case.counterpart import Counterpart, added_events, counterpart
from walcrash.case.search_target import EventRef
from walcrash.values.event import INJECTED, Event, EventKind
from walcrash.values.moments import Placement

WRITE, RENAME, FSYNC = EventKind.WRITE, EventKind.RENAME, EventKind.FSYNC


def write(offset: int, length: int, result: int | None = None) -> Event:
    flags = 0 if result is None else INJECTED
    result = length if result is None else result
    return Event(
        kind=WRITE, call=0, path="new", offset=offset, length=length, result=result, flags=flags
    )


def event(kind: EventKind, failed: int = 0) -> Event:
    return Event(kind=kind, call=0, path="new", result=-failed, flags=INJECTED if failed else 0)


SPLIT = (write(0, 10), write(10, 100, 40), write(50, 60, 20), write(70, 40), event(RENAME))
WHOLE = EventRef(0, WRITE, 1)


def test_the_parts_of_a_short_write_are_one_write_and_the_next_event_keeps_its_number() -> None:
    assert added_events(SPLIT) == {1: 2, 2: 3}
    assert counterpart(SPLIT, 4, Placement.AFTER) == Counterpart(
        EventRef(0, RENAME, 0), Placement.AFTER
    )
    assert counterpart(SPLIT, 3, Placement.AFTER) == Counterpart(WHOLE, Placement.AFTER)


def test_a_crash_between_the_parts_falls_within_the_whole_write() -> None:
    within = [
        counterpart(SPLIT, 1, Placement.AFTER),
        counterpart(SPLIT, 2, Placement.BEFORE),
        counterpart(SPLIT, 2, Placement.WITHIN, 7),
        counterpart(SPLIT, 3, Placement.BEFORE),
    ]
    assert within == [Counterpart(WHOLE, Placement.WITHIN, kept, 100) for kept in (40, 40, 47, 60)]
    assert counterpart(SPLIT, 1, Placement.BEFORE) == Counterpart(WHOLE, Placement.BEFORE)


def test_a_call_that_is_made_again_is_one_call_and_a_later_one_is_not() -> None:
    again = (event(FSYNC, errno.EINTR), event(FSYNC), event(RENAME), event(FSYNC))
    assert added_events(again) == {0: 1}
    assert counterpart(again, 0, Placement.AFTER) == Counterpart(
        EventRef(0, FSYNC, 0), Placement.BEFORE
    )
    assert counterpart(again, 3, Placement.AFTER) == Counterpart(
        EventRef(0, FSYNC, 1), Placement.AFTER
    )
    assert not added_events((event(FSYNC, errno.EIO), event(RENAME), event(FSYNC)))
    assert not added_events((write(0, 10, 4), event(FSYNC)))


def test_where_a_boot_is_left_out_the_event_is_found_by_its_file_in_a_trace_of_the_other() -> None:
    lock = Event(kind=WRITE, call=0, path="lock", length=8, result=8)
    fresh = (lock, lock, write(0, 10), write(10, 100))
    found = counterpart(SPLIT, 2, Placement.WITHIN, 7, trace=fresh)
    assert found == Counterpart(EventRef(0, WRITE, 3), Placement.WITHIN, 47, 100)
    assert counterpart(SPLIT, 4, Placement.AFTER, trace=fresh) is None, "it renames nothing"
