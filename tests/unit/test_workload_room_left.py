"""Room that is left in a log of fixed room, as far as a case has come."""

from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import OperationMix, WorkloadPlan
from walcrash.values.seed import Prng
from walcrash.workload.fit import Fit
from walcrash.workload.operations import Progress, draw_operations
from walcrash.workload.room_left import RoomLeft

ROOM = 1000
FIT = Fit(frames={RecordType.PUT: 20, RecordType.DONE: 20}, room_bytes=ROOM)


def put(id_: str, size: int = 100) -> Record:
    return Record(RecordType.PUT, id_, 1, bytes(size))


def done(id_: str) -> Record:
    return Record(RecordType.DONE, id_, 2)


def room() -> RoomLeft:
    return RoomLeft(FIT, ROOM, longest_bytes=121)


def test_it_takes_records_until_there_is_no_room() -> None:
    left = room()
    assert [left.takes(put("a")) for _ in range(9)] == [True] * 8 + [False]
    assert left.takes(done("a"))


def test_it_is_short_where_a_put_leaves_no_room_for_two_marks() -> None:
    left = room()
    taken = 0
    while not left.is_short:
        assert left.takes(put("a"))
        taken += 1
    # 121 bytes a put, and 28 for each mark.
    assert taken == 7
    assert 7 * 121 + 121 + 56 > 1000 >= 6 * 121 + 121 + 56


def test_a_compaction_frees_the_oldest_records_up_to_one_that_is_not_done() -> None:
    left = room()
    for each in (put("a"), put("b"), done("b"), put("c")):
        left.takes(each)
    assert not left.can_free
    left.takes(done("a"))
    assert left.can_free
    left.compact()
    assert not left.can_free
    assert [left.takes(put("d")) for _ in range(8)].count(True) == 7


def test_a_copy_goes_its_own_way() -> None:
    left = room()
    left.takes(put("a"))
    other = left.copy()
    other.takes(done("a"))
    other.compact()
    assert not left.can_free
    assert not left.is_short


def test_a_put_that_is_refused_waits_for_no_mark() -> None:
    progress = Progress(room=room())
    for number in range(9):
        record = put(f"op-{number}")
        progress.note(Operation(OperationKind.APPEND, record))
    assert list(progress.waiting) == [f"op-{number}" for number in range(8)]
    assert progress.puts == 9


def test_where_room_is_short_most_puts_become_marks_of_the_oldest_and_compactions() -> None:
    progress = Progress(room=room())
    plan = WorkloadPlan(operations=(400, 400), payload_bytes=(100,))
    kinds = [(OperationMix.PUT, 8), (OperationMix.DONE, 1), (OperationMix.COMPACT, 1)]
    operations = draw_operations(Prng(7), progress, plan, kinds)
    left, taken, refused = room(), 0, 0
    for each in operations:
        if each.kind is OperationKind.COMPACT:
            left.compact()
        if each.record is not None:
            is_taken = left.takes(each.record)
            taken, refused = taken + is_taken, refused + (not is_taken)
    # The log has room for eight puts, so it went round many times, and was full now and then.
    assert taken > 150
    assert 0 < refused < taken


def test_files_that_follow_each_other_take_more_than_a_case_is_to_hold() -> None:
    left = RoomLeft(FIT, ROOM, longest_bytes=121, is_limit=False)
    assert all(left.takes(put(str(number))) for number in range(9))
    assert left.is_full
    assert all(left.takes(done(str(number))) for number in range(3))
    left.compact()
    assert not left.is_full
