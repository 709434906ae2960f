"""The contract suite: what every adapter must do while nothing crashes.

A campaign judges crashes; this suite finds in a second what is wrong without one. Subclass it in
a test module, name the adapter, and pytest collects the tests:

    from walcrash import AdapterContract

    class TestMyWal(AdapterContract):
        adapter = "mywal_adapter.py:MyWal"

A test of a capability that the adapter does not list is skipped.

Not here: crashes, recoveries, other processes (`campaign`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`, for what each operation means.
"""

# ruff: noqa: D102 - the name of a test is its docstring

import os
import tempfile
import unittest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from walcrash.subjects import messages
from walcrash.subjects.adapter import Adapter, DefiniteFailure
from walcrash.subjects.loading import find_adapter, make_adapter
from walcrash.values.contract import Acknowledges, Promise
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus

LATER_MS = 10_000_000_000
"""So much later that whatever waits for a time is due: over a hundred days, milliseconds."""


SMALL_BYTES = 64
"""A record of so many bytes in id, payload and error is over no limit that a log may have."""


def put(name: str, ts_ms: int, payload: bytes = b"") -> Record:
    """Return a PutOperation."""
    return Record(RecordType.PUT, name, ts_ms, payload)


def done(name: str, ts_ms: int) -> Record:
    """Return a MarkDone."""
    return Record(RecordType.DONE, name, ts_ms)


def failed(name: str, ts_ms: int, next_retry_at_ms: int) -> Record:
    """Return a MarkFailed."""
    return Record(
        RecordType.FAILED, name, ts_ms, error="no route", next_retry_at_ms=next_retry_at_ms
    )


RECORDS = (
    put("a", 1, bytes(range(256))),
    put("b", 2),
    put("id with spaces \u00e9\n\0 and \U0001f4be", 3, b"x" * 5000),
    failed("a", 4, 1004),
    put("c", 5, b"\n"),
    done("b", 6),
    Record(RecordType.FAILED, "c", 7, error="ein \u00dcbel\n" * 20, next_retry_at_ms=1007),
)
"""Records with all that an operation may hold."""


SMALL_RECORDS = (RECORDS[1], RECORDS[4], RECORDS[5])
"""Those of them that are over no limit, each mark behind its put."""

_STATUS: Final = {
    RecordType.PUT: OperationStatus.PENDING,
    RecordType.DONE: OperationStatus.DONE,
    RecordType.FAILED: OperationStatus.FAILED,
}


def takes(subject: Adapter, record: Record) -> bool:
    """Append a record; return whether it was taken, and not refused for its size for certain.

    Raises:
        DefiniteFailure: it was refused, and is too small for any limit.
    """
    try:
        subject.append(record)
    except DefiniteFailure:
        size_bytes = len(record.id.encode()) + len(record.payload) + len(record.error.encode())
        if size_bytes <= SMALL_BYTES:
            raise
        return False
    return True


class AdapterContract:
    """Tests of one adapter; subclass it and set `adapter`, and `options` where it needs some."""

    adapter: ClassVar[str]
    options: ClassVar[Mapping[str, str | int | float | bool]] = {}

    def make(self) -> Adapter:
        """Return an adapter that has not been opened."""
        return make_adapter(find_adapter(self.adapter), self.options)

    @contextmanager
    def opened(self, directory: Path, effects: list[str] | None = None) -> Iterator[Adapter]:
        """Open, and close at the end."""
        subject = self.make()
        subject.open(directory, (effects if effects is not None else []).append)
        yield subject
        subject.close()

    def need(self, *capabilities: str) -> None:
        """Skip the test if the adapter lacks one of them."""
        for capability in capabilities:
            if capability not in self.make().supports:
                raise unittest.SkipTest(f"the adapter does not list `{capability}`")

    def taken(self) -> tuple[Record, ...]:
        """Return the records that the adapter takes.

        One that is refused for certain, and is not small, is over a limit of the log's own; so are
        the marks of what was refused left out.
        """
        refused: set[str] = set()
        with tempfile.TemporaryDirectory() as scratch, self.opened(Path(scratch)) as subject:
            for record in RECORDS:
                if record.id not in refused and not takes(subject, record):
                    refused.add(record.id)
        return tuple(record for record in RECORDS if record.id not in refused)

    def test_it_says_what_it_promises_and_supports(self) -> None:
        description = messages.describe(self.make())
        assert messages.read_description(description).supports == self.make().supports

    def test_an_empty_directory_opens_as_an_empty_log(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as subject:
            assert list(subject.replay(0)) == []
            assert isinstance(subject.end(), int)

    def test_records_come_back_equal_and_in_order_at_offsets_that_grow(
        self, tmp_path: Path
    ) -> None:
        records = self.taken()
        with self.opened(tmp_path) as subject:
            offsets = [subject.append(record) for record in records]
            assert offsets == sorted(set(offsets))
            assert messages.collect(0, subject.replay(0)).records
            assert list(subject.replay(0)) == list(zip(offsets, records, strict=True))
            assert subject.end() > offsets[-1]

    def test_a_replay_from_any_record_yields_it_and_what_follows(self, tmp_path: Path) -> None:
        records = self.taken()
        with self.opened(tmp_path) as subject:
            offsets = [subject.append(record) for record in records]
            for position, offset in enumerate(offsets):
                assert [record for _, record in subject.replay(offset)] == [*records[position:]]
            assert list(subject.replay(subject.end())) == []

    def test_a_replay_that_is_given_up_does_no_harm(self, tmp_path: Path) -> None:
        records = self.taken()
        with self.opened(tmp_path) as subject:
            subject.append(records[0])
            subject.append(records[1])
            next(iter(subject.replay(0)))
            subject.append(put("late", 9))
            assert [record for _, record in subject.replay(0)] == [*records[:2], put("late", 9)]

    def test_everything_is_there_after_a_close_and_appends_go_on_behind_it(
        self, tmp_path: Path
    ) -> None:
        records = self.taken()
        expected: list[tuple[int, Record]] = []
        for few in (records[:4], records[4:], (put("late", 9),)):
            with self.opened(tmp_path) as subject:
                assert list(subject.replay(0)) == expected
                expected += [(subject.append(record), record) for record in few]
        assert [offset for offset, _ in expected] == sorted({offset for offset, _ in expected})

    def test_what_it_acknowledged_is_there_when_its_process_ends_without_a_close(
        self, tmp_path: Path
    ) -> None:
        records = self.taken()
        contract = self.make().contract
        if contract.kill is not Promise.ALL:
            raise unittest.SkipTest(f"the contract promises {contract.kill.value} after a kill")
        pid = os.fork()
        if pid == 0:
            try:
                subject = self.make()
                subject.open(tmp_path, lambda _: None)
                for record in records:
                    subject.append(record)
                if contract.acknowledges is Acknowledges.SYNC:
                    subject.sync()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        with self.opened(tmp_path) as subject:
            assert [record for _, record in subject.replay(0)] == [*records]

    def test_a_sync_changes_nothing_that_is_seen(self, tmp_path: Path) -> None:
        self.need("sync")
        with self.opened(tmp_path) as subject:
            subject.sync()
            subject.append(RECORDS[1])
            subject.sync()
            assert [record for _, record in subject.replay(0)] == [RECORDS[1]]

    def test_the_state_is_what_the_records_amount_to(self, tmp_path: Path) -> None:
        self.need("checkpoint")
        records = self.taken()
        for _ in range(2):
            with self.opened(tmp_path) as subject:
                if not list(subject.replay(0)):
                    for record in records:
                        subject.append(record)
                state = subject.state()
            found = {name: operation.status for name, operation in state.operations.items()}
            assert found == {record.id: _STATUS[record.type] for record in records}
            for record in records:
                if record.type is RecordType.FAILED:
                    assert state.operations[record.id].error == record.error
                    assert state.operations[record.id].next_retry_at_ms == record.next_retry_at_ms
            assert state.checkpoint <= state.applied

    def test_an_apply_moves_the_checkpoint_to_a_record_boundary(self, tmp_path: Path) -> None:
        self.need("apply", "checkpoint")
        records = self.taken()
        with self.opened(tmp_path) as subject:
            for record in records:
                subject.append(record)
            checkpoint = subject.apply()
            assert subject.state().checkpoint == checkpoint <= subject.end()
        with self.opened(tmp_path) as subject:
            offsets = [offset for offset, _ in subject.replay(0)]
            state = subject.state()
            assert state.checkpoint in [*offsets, subject.end()]
            missing = [record.id for record in records if record.id not in state.operations]
            assert not missing, f"after apply, close and open the state lacks {missing}"

    def test_a_tick_sends_what_is_due_and_nothing_that_is_done(self, tmp_path: Path) -> None:
        self.need("effects")
        effects: list[str] = []
        with self.opened(tmp_path, effects) as subject:
            for record in (put("sent", 1), put("waits", 2), put("done", 3), done("done", 4)):
                subject.append(record)
            subject.append(failed("waits", 5, LATER_MS))
            assert [*subject.tick(10)] == ["sent"]
            assert effects == ["sent"]
            assert sorted([*subject.tick(11), *subject.tick(3 * LATER_MS)]) == ["sent", "waits"]

    def test_a_compaction_drops_records_of_done_operations_and_nothing_else(
        self, tmp_path: Path
    ) -> None:
        self.need("compact")
        records = self.taken()
        with self.opened(tmp_path) as subject:
            last = [subject.append(record) for record in records][-1]
            if "apply" in subject.supports:
                subject.apply()
            subject.compact()
            kept = [each.record for each in messages.collect(0, subject.replay(0)).records]
            assert [record for record in records if record in kept] == kept
            assert [r for r in kept if r.id != "b"] == [r for r in records if r.id != "b"]
            assert subject.append(put("late", 9)) > last
        with self.opened(tmp_path) as subject:
            assert [record for _, record in subject.replay(0)] == [*kept, put("late", 9)]

    def test_two_directories_have_nothing_in_common(self, tmp_path: Path) -> None:
        self.need("reopen")
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            with self.opened(tmp_path / name) as subject:
                assert list(subject.replay(0)) == []
                subject.append(put(name, 1))
        for name in ("one", "other"):
            with self.opened(tmp_path / name) as subject:
                shown = messages.collect(0, subject.replay(0)).records
                assert [each.record.id for each in shown] == [name]
