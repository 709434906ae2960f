"""The engine: what is sent, when, and how the answer gets into the log."""

from pathlib import Path

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.wal import (
    Engine,
    Failed,
    OutboxEntry,
    RetryPolicy,
    Sent,
    SyncPolicy,
    UnknownOperation,
    ValueRefused,
    boot,
)


class Answers:
    """A transport that gives one answer, and keeps what it was sent."""

    def __init__(self, answer: Sent | Failed | Exception | None = None) -> None:
        self.answer = answer
        self.sent: list[OutboxEntry] = []
        self.engine: Engine | None = None
        self.durable_at_send: list[bool] = []

    def send(self, operation: OutboxEntry) -> Sent | Failed | None:
        self.sent.append(operation)
        if self.engine is not None:
            log = self.engine.store.log
            self.durable_at_send.append(log.synced_offset == log.end_offset)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def put(number: int) -> Record:
    return Record(RecordType.PUT, f"op-{number}", number, b"payload")


def status(engine: Engine, operation_id: str) -> OperationStatus:
    return engine.store.outbox.status(engine.store.outbox.entry(operation_id))


def test_an_operation_that_was_sent_is_marked_done_and_not_sent_again(tmp_path: Path) -> None:
    with boot(tmp_path, Answers(Sent())) as engine:
        engine.store.append(put(1))
        assert engine.tick(100) == ("op-1",)
        assert engine.tick(10**9) == ()
        assert [record for _, record in engine.store.replay()][1:] == [
            Record(RecordType.DONE, "op-1", 100)
        ]


def test_a_failed_operation_is_tried_again_until_it_is_given_up(tmp_path: Path) -> None:
    transport = Answers(Failed("no route"))
    retry = RetryPolicy(max_attempts=2, base_delay_ms=50)
    with boot(tmp_path, transport, retry=retry) as engine:
        engine.store.append(put(1))
        assert engine.tick(100) == ("op-1",)
        assert engine.tick(149) == ()
        assert engine.tick(150) == ("op-1",)
        assert status(engine, "op-1") is OperationStatus.PERMANENT_FAILED
        assert engine.tick(10**9) == ()
        assert [entry.attempts for entry in transport.sent] == [0, 1]


def test_an_answer_may_come_later(tmp_path: Path) -> None:
    with boot(tmp_path, Answers(), in_flight_timeout_ms=50) as engine:
        engine.store.append(put(1))
        engine.store.append(put(2))
        assert engine.tick(100) == ("op-1", "op-2")
        assert engine.tick(150) == ()
        engine.complete("op-1", 160)
        engine.fail("op-2", "refused", 160)
        assert status(engine, "op-1") is OperationStatus.DONE
        assert engine.store.outbox.entry("op-2").next_retry_at_ms == 1_160
        with pytest.raises(UnknownOperation):
            engine.complete("op-3", 160)
        with pytest.raises(UnknownOperation):
            engine.fail("op-3", "refused", 160)


def test_an_answer_that_never_comes_leads_to_another_send(tmp_path: Path) -> None:
    with boot(tmp_path, Answers(), in_flight_timeout_ms=50) as engine:
        engine.store.append(put(1))
        assert engine.tick(100) == ("op-1",)
        assert engine.tick(151) == ("op-1",)


def test_a_transport_that_raises_leaves_the_operation_in_flight(tmp_path: Path) -> None:
    with boot(tmp_path, Answers(ConnectionError("gone"))) as engine:
        engine.store.append(put(1))
        with pytest.raises(ConnectionError):
            engine.tick(100)
        assert status(engine, "op-1") is OperationStatus.IN_FLIGHT


@pytest.mark.parametrize("policy", list(SyncPolicy))
def test_what_is_sent_is_durable_under_every_policy(tmp_path: Path, policy: SyncPolicy) -> None:
    transport = Answers()
    with boot(tmp_path, transport, sync=policy) as engine:
        transport.engine = engine
        engine.store.append(put(1))
        engine.tick(100)
        assert transport.durable_at_send == [True]


def test_a_time_that_does_not_fit_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    transport = Answers()
    with boot(tmp_path, transport) as engine:
        engine.store.append(put(1))
        with pytest.raises(ValueRefused):
            engine.tick(1 << 63)
        assert transport.sent == []
