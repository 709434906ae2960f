"""What the operations of a case came to, from histories and traces."""

from dataclasses import replace

from test_workload_fit import Log

from walcrash.values.event import EventKind
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome
from walcrash.values.io_error import IoError
from walcrash.values.record import RecordType
from walcrash.workload.reached import reach_of


def history(plan, outcome=Outcome.ACKNOWLEDGED):
    calls = tuple(Call(operation, outcome) for operation in plan.operations)
    return BootHistory(calls, None, BootEnd.CLOSED)


def reached(*boots, outcome=Outcome.ACKNOWLEDGED):
    return reach_of([(boot, history(boot[0], outcome)) for boot in boots])


def test_calls_count_where_they_were_acknowledged():
    boot = Log().boot([(RecordType.PUT, 10), (RecordType.DONE, 0), (RecordType.PUT, 10)])
    assert reached(boot).calls == {"done": 1, "put": 2, "sync": 1}
    assert reached(boot, outcome=Outcome.UNANSWERED).calls == {}
    assert reached(boot, boot).boots == 2


def test_the_kinds_of_events_that_boots_made_are_told():
    boot = Log().boot([(RecordType.PUT, 10)])
    found = reached(boot, boot).made
    assert found == tuple(kind for kind in EventKind if kind in {event.kind for event in boot[1]})
    assert EventKind.WRITE in found
    assert EventKind.SYMLINK not in found


def test_a_record_over_a_page_end_counts_and_one_up_to_it_does_not():
    frame = 24 + len("op-1")
    assert reached(Log().boot([(RecordType.PUT, 4096 - frame)])).over_page_end == 0
    assert reached(Log().boot([(RecordType.PUT, 4097 - frame)])).over_page_end == 1


def test_files_of_one_boot_that_follow_one_another_are_counted():
    puts = [(RecordType.PUT, 900)] * 50
    assert reached(Log(segment=10_000).boot(puts)).files == 5
    one = reached(Log().boot(puts))
    assert (one.files, one.file_bytes) == (1, 50 * 924 + sum(len(f"op-{n}") for n in range(1, 51)))


def test_what_is_written_in_place_shows_no_file_of_records():
    plan, events = Log().boot([(RecordType.PUT, 900)] * 3)
    moved = [replace(event, offset=5) if event.call > 1 else event for event in events]
    assert reached((plan, moved)).files == 0


def test_a_table_that_a_call_writes_beside_its_record_is_no_file_of_records():
    puts = [(RecordType.PUT, 900)] * 25
    plan, events = Log(segment=10_000).boot(puts)
    last = max(event.file for event in events)
    tables = [
        replace(event, file=last + event.file, path="table", offset=0, length=9_000, result=9_000)
        for event in events
        if event.kind is EventKind.WRITE and event.call in (11, 22)
    ]
    assert reached((plan, [*events, *tables])).files == 3


def test_threads_that_change_files_are_counted_in_the_boot_that_has_most():
    plan, events = Log().boot([(RecordType.PUT, 900)] * 3)
    by_two = [replace(event, thread=event.call % 2) for event in events]
    replies = [replace(event, thread=9, kind=EventKind.REPLY) for event in events]
    assert reached((plan, [*events, *replies])).threads == 1
    assert reached((plan, events), (plan, by_two)).threads == 2


def test_puts_that_a_full_log_refuses_count_and_those_that_are_too_long_do_not():
    boot = Log().boot([(RecordType.PUT, 10), (RecordType.PUT, 10), (RecordType.PUT, 900)])
    done = history(boot[0])
    outcomes = {2: Outcome.REFUSED_DEFINITE, 3: Outcome.REFUSED_DEFINITE}
    calls = [
        replace(call, outcome=outcomes.get(at, call.outcome)) for at, call in enumerate(done.calls)
    ]
    assert reach_of([(boot, replace(done, calls=tuple(calls)))]).full == 1
    closed = replace(done, calls=tuple(calls[2:]))
    assert reach_of([(boot, done), (boot, closed)]).full == 0, "a recovery may have closed it"
    error = IoError(boot=1, call=1, kind=EventKind.WRITE, path="wal", nth=1, errno=5)
    assert reach_of([(boot, replace(done, calls=tuple(calls), errors=(error,)))]).full == 0
    unsure = [replace(c, outcome=Outcome.REFUSED) if n == 2 else c for n, c in enumerate(calls)]
    assert reach_of([(boot, replace(done, calls=tuple(unsure)))]).full == 0


def test_records_that_go_back_to_the_start_of_their_file_have_wrapped_it():
    plan, events = Log().boot([(RecordType.PUT, 900)] * 6)
    turned = [replace(event, offset=event.offset % 1_900) for event in events]
    assert reached((plan, turned)).wraps == 2
    assert reached((plan, events)).wraps == 0
