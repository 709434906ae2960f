"""The outbox and the retry policy: what the records of an operation add up to."""

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationState, OperationStatus
from walcrash.wal import Outbox, RetryPolicy, UnknownOperation

PUT = Record(RecordType.PUT, "op", 1, b"payload")
DONE = Record(RecordType.DONE, "op", 2)


def failed(ts_ms: int = 2, next_retry_at_ms: int = 10) -> Record:
    return Record(RecordType.FAILED, "op", ts_ms, error="why", next_retry_at_ms=next_retry_at_ms)


def folded(*records: Record, max_attempts: int = 3) -> Outbox:
    outbox = Outbox(RetryPolicy(max_attempts=max_attempts))
    for offset, record in enumerate(records):
        outbox.fold(offset, record)
    return outbox


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((PUT,), OperationState(OperationStatus.PENDING)),
        ((PUT, DONE), OperationState(OperationStatus.DONE)),
        ((PUT, failed()), OperationState(OperationStatus.FAILED, "why", 10)),
        ((PUT, failed(), failed()), OperationState(OperationStatus.FAILED, "why", 10)),
        ((PUT, *[failed()] * 3), OperationState(OperationStatus.PERMANENT_FAILED, "why")),
        ((PUT, *[failed()] * 3, DONE), OperationState(OperationStatus.DONE)),
        ((PUT, DONE, failed()), OperationState(OperationStatus.FAILED, "why", 10)),
        ((PUT, *[failed()] * 3, PUT), OperationState(OperationStatus.PENDING)),
    ],
)
def test_the_last_record_of_an_operation_wins(
    records: tuple[Record, ...], expected: OperationState
) -> None:
    assert folded(*records).states() == {"op": expected}


def test_marks_of_an_operation_that_was_never_put_are_ignored() -> None:
    outbox = folded(DONE, failed(ts_ms=9))
    assert outbox.states() == {}
    assert outbox.latest_ms == 9
    with pytest.raises(UnknownOperation):
        outbox.entry("op")


def test_pending_and_failed_operations_are_due_in_put_order() -> None:
    later = Record(RecordType.PUT, "a", 3)
    outbox = folded(PUT, later, failed(next_retry_at_ms=10))
    assert [entry.id for entry in outbox.due(9)] == ["a"]
    assert [entry.id for entry in outbox.due(10)] == ["op", "a"]


def test_an_operation_put_anew_goes_to_the_end() -> None:
    outbox = folded(PUT, Record(RecordType.PUT, "a", 3), PUT)
    assert list(outbox.states()) == ["a", "op"]


def test_an_operation_in_flight_is_requeued_only_after_more_than_the_timeout() -> None:
    outbox = folded(PUT)
    outbox.mark_in_flight("op", 100)
    assert outbox.due(1_000) == ()
    assert outbox.requeue(150, timeout_ms=50) == ()
    assert outbox.requeue(151, timeout_ms=50) == ("op",)
    assert [entry.id for entry in outbox.due(151)] == ["op"]


def test_a_requeued_operation_stands_where_its_records_put_it() -> None:
    outbox = folded(PUT, failed())
    before = outbox.states()
    outbox.mark_in_flight("op", 100)
    assert outbox.states()["op"].status is OperationStatus.IN_FLIGHT
    outbox.requeue(1_000, timeout_ms=50)
    assert outbox.states() == before


def test_a_mark_ends_the_flight() -> None:
    outbox = folded(PUT)
    outbox.mark_in_flight("op", 100)
    outbox.fold(9, failed())
    assert outbox.states()["op"].status is OperationStatus.FAILED


def test_waits_grow_by_the_factor_and_end_with_the_last_attempt() -> None:
    policy = RetryPolicy(max_attempts=4, base_delay_ms=100, factor=3)
    assert [policy.next_retry_at_ms(1_000, n) for n in (1, 2, 3, 4)] == [1_100, 1_300, 1_900, 0]


def test_a_wait_never_exceeds_the_latest_time_that_fits() -> None:
    policy = RetryPolicy(max_attempts=1_000, factor=10)
    assert policy.next_retry_at_ms(0, 900) == (1 << 63) - 1
