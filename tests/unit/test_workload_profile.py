"""Profiles: events are counted by operation, and the most of them is kept."""

from walcrash.values.case import BootPlan
from walcrash.values.event import Event, EventKind
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.workload.draw import Profile, operation_key

OPEN = Operation(OperationKind.OPEN)
CLOSE = Operation(OperationKind.CLOSE)
PUT = Operation(OperationKind.APPEND, Record(RecordType.PUT, "a", 1))
DONE = Operation(OperationKind.APPEND, Record(RecordType.DONE, "a", 2))


def events(call, *kinds):
    return [Event(kind=kind, call=call) for kind in kinds]


def test_an_operation_is_counted_by_record_type_and_an_open_by_boot():
    assert operation_key(PUT, is_first_boot=True) == "append PutOperation"
    assert operation_key(DONE, is_first_boot=False) == "append MarkDone"
    assert operation_key(OPEN, is_first_boot=True) == "open"
    assert operation_key(OPEN, is_first_boot=False) == "reopen"
    assert operation_key(CLOSE, is_first_boot=False) == "close"


def test_the_most_events_of_each_operation_are_kept():
    first = [
        *events(-1, EventKind.CREATE),
        *events(0, EventKind.CREATE, EventKind.WRITE, EventKind.REPLY),
        *events(1, EventKind.WRITE, EventKind.REPLY),
        *events(2, EventKind.WRITE, EventKind.WRITE, EventKind.FSYNC, EventKind.REPLY),
        *events(3, EventKind.REPLY),
    ]
    second = [*events(0, EventKind.TRUNCATE, EventKind.REPLY)]
    profile = Profile.of(
        [(BootPlan((OPEN, PUT, PUT, CLOSE)), first), (BootPlan((OPEN, CLOSE)), second)]
    )
    assert profile.count("open", None) == 3
    assert profile.count("reopen", None) == 2
    assert profile.count("append PutOperation", None) == 4
    assert profile.count("append PutOperation", EventKind.WRITE) == 2
    assert profile.count("append PutOperation", EventKind.RENAME) == 0
    assert profile.count("close", EventKind.REPLY) == 1
    assert profile.count("compact", None) == 0


def test_profiles_of_several_cases_become_one():
    one = Profile.of([(BootPlan((OPEN, CLOSE)), events(0, EventKind.WRITE, EventKind.REPLY))])
    two = Profile.of([(BootPlan((OPEN, PUT)), events(0, EventKind.FSYNC))])
    merged = Profile.merged([one, two])
    assert merged.count("open", None) == 2
    assert merged.count("open", EventKind.FSYNC) == 1
    assert merged.count("open", EventKind.WRITE) == 1
    assert "append PutOperation" in merged.total
    assert Profile.merged([]) == Profile()
