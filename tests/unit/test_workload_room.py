"""What a new log is given to find out whether a recovered one is full."""

from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.workload.room import BOOT_BYTES, FRAME_BYTES, PUTS, Room

NEW = Record(RecordType.PUT, "new", 5000, b"ab")


def puts(operations: tuple[Operation, ...]) -> list[Record]:
    return [each.record for each in operations if each.record is not None]


def room(
    *held: Record,
    sizes: tuple[int, ...] = (0, 100),
    boots: int = 0,
    supports: frozenset[str] = frozenset(),
) -> Room:
    return Room(held=held, refused=(NEW,), sizes=sizes, boots=boots, supports=supports)


def given(*held: Record, sizes: tuple[int, ...] = (0, 100), boots: int = 0) -> list[Record]:
    operations = room(*held, sizes=sizes, boots=boots).one_boot()
    kinds = [operations[0].kind, operations[-1].kind]
    assert kinds == [OperationKind.OPEN, OperationKind.CLOSE]
    *given, last = puts(operations)
    assert last == NEW
    return given


def test_a_new_log_gets_all_that_is_held_twice_and_the_longest_record_once_more() -> None:
    held = (Record(RecordType.PUT, "a", 1, b"x" * 100), Record(RecordType.PUT, "b", 2))
    sizes = [len(each.payload) for each in given(*held)]
    assert sizes == [100, 0, 100, 0, 100]


def test_marks_become_puts_so_that_a_new_log_frees_nothing() -> None:
    held = (Record(RecordType.PUT, "a", 1), Record(RecordType.FAILED, "a", 2, error="no route"))
    assert {each.type for each in given(*held)} == {RecordType.PUT}
    # The error has eight bytes, and of the sizes that were taken 100 is the next.
    assert [len(each.payload) for each in given(*held)] == [0, 100, 0, 100, 100]


def test_ids_are_new_and_no_shorter_than_those_of_what_is_held() -> None:
    ids = [each.id for each in given(Record(RecordType.PUT, "op-" + "1" * 30, 1))]
    assert len(set(ids)) == len(ids) == 3
    assert all(len(id_) >= 33 for id_ in ids)


def test_a_record_longer_than_all_that_were_taken_is_given_in_pieces() -> None:
    held = Record(RecordType.PUT, "a", 1, b"x" * 250)
    sizes = [len(each.payload) for each in given(held)]
    assert sizes == [100] * 9


def test_only_empty_puts_were_taken_so_many_stand_for_a_long_one() -> None:
    held = Record(RecordType.PUT, "a", 1, b"x" * 250)
    assert len(given(held, sizes=(0,))) == 3 * -(-250 // FRAME_BYTES)


def test_each_boot_may_have_wasted_a_page() -> None:
    wasted = given(boots=2)
    assert sum(len(each.payload) + FRAME_BYTES for each in wasted) >= 2 * BOOT_BYTES
    assert {len(each.payload) for each in wasted} == {100}


def test_times_grow_up_to_those_of_the_records_that_were_refused() -> None:
    times = [each.ts_ms for each in given(boots=1)]
    assert times == sorted(times)
    assert times[-1] < NEW.ts_ms


def test_a_log_that_syncs_is_synced_now_and_then() -> None:
    operations = room(sizes=(100,), boots=1, supports=frozenset({"sync"})).one_boot()
    assert Operation(OperationKind.SYNC) in operations


def test_too_many_puts_are_not_given() -> None:
    held = [Record(RecordType.PUT, "a", at) for at in range(PUTS // 2)]
    assert not room(*held, sizes=(0,)).one_boot()
    assert not room(sizes=(0,)).same_boots([()], [True], torn=PUTS)


def test_the_same_boots_end_as_they_did_and_the_last_one_has_what_was_refused() -> None:
    held = Record(RecordType.PUT, "a", 1, b"x" * 100)
    done = (Operation(OperationKind.APPEND, held),)
    killed, first, last = room(held, boots=2).same_boots([done, done], [False, True], torn=1)
    assert killed == first[:-1]
    assert [each.kind for each in first] == [
        OperationKind.OPEN,
        OperationKind.APPEND,
        OperationKind.CLOSE,
    ]
    *spare, refused = puts(last)
    assert refused == NEW
    wasted = sum(len(each.payload) + FRAME_BYTES for each in spare[1:])
    assert BOOT_BYTES <= wasted < BOOT_BYTES + 100 + FRAME_BYTES
    assert held not in spare
