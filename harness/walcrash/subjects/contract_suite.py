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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from walcrash.subjects import messages
from walcrash.subjects.adapter import Adapter, DefiniteFailure
from walcrash.subjects.contract_words import require, require_growing, require_records
from walcrash.subjects.loading import find_adapter, make_adapter
from walcrash.values.contract import Acknowledges, Promise
from walcrash.values.record import Record, RecordType, Undecodable
from walcrash.values.recovery import OperationStatus, SubjectState

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


_AT_RECORDS: Final = "a checkpoint is the offset at which a record begins, or the end"


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
                raise unittest.SkipTest(f"`supports` does not list `{capability}`")

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
        described = messages.read_description(messages.describe(self.make())).supports
        supports = self.make().supports
        require(
            described == supports,
            f"it says that it supports {sorted(described)}, and then {sorted(supports)}",
        )

    def test_an_empty_directory_opens_as_an_empty_log(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as subject:
            require_records(_replayed(subject), (), "a replay of an empty directory")
            end = subject.end()
            require(isinstance(end, int), f"`end` replied {end!r:.80}, which is no integer")

    def test_records_come_back_equal_and_in_order_at_offsets_that_grow(
        self, tmp_path: Path
    ) -> None:
        records = self.taken()
        with self.opened(tmp_path) as subject:
            offsets = [subject.append(record) for record in records]
            require_growing(offsets)
            messages.collect(0, subject.replay(0))
            require_records(_replayed(subject), records, "a replay from 0")
            shown = [offset for offset, _ in subject.replay(0)]
            require(
                shown == offsets,
                f"appends were given the offsets {offsets}, and a replay has {shown}",
            )
            end = subject.end()
            require(end > offsets[-1], f"the end is {end}, and a record is at {offsets[-1]}")

    def test_a_replay_from_any_record_yields_it_and_what_follows(self, tmp_path: Path) -> None:
        records = self.taken()
        with self.opened(tmp_path) as subject:
            offsets = [subject.append(record) for record in records]
            for position, offset in enumerate(offsets):
                what = f"a replay from {offset}, record {position + 1} of {len(records)},"
                require_records(_replayed(subject, offset), records[position:], what)
            require_records(_replayed(subject, subject.end()), (), "a replay from the end")

    def test_a_replay_that_is_given_up_does_no_harm(self, tmp_path: Path) -> None:
        records = self.taken()
        with self.opened(tmp_path) as subject:
            subject.append(records[0])
            subject.append(records[1])
            next(iter(subject.replay(0)))
            subject.append(put("late", 9))
            expected = [*records[:2], put("late", 9)]
            require_records(_replayed(subject), expected, "a replay after one that was given up")

    def test_everything_is_there_after_a_close_and_appends_go_on_behind_it(
        self, tmp_path: Path
    ) -> None:
        records = self.taken()
        expected: list[tuple[int, Record]] = []
        for few in (records[:4], records[4:], (put("late", 9),)):
            with self.opened(tmp_path) as subject:
                appended = [record for _, record in expected]
                require_records(_replayed(subject), appended, "after a close and an open a replay")
                shown = list(subject.replay(0))
                require(
                    shown == expected,
                    "after a close and an open a replay has the offsets "
                    f"{[offset for offset, _ in shown]}, and the appends were given "
                    f"{[offset for offset, _ in expected]}",
                )
                expected += [(subject.append(record), record) for record in few]
        require_growing([offset for offset, _ in expected])

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
        require(os.waitpid(pid, 0)[1] == 0, "a process that appends ended by an error")
        with self.opened(tmp_path) as subject:
            require_records(_replayed(subject), records, "after a process that ended a replay")

    def test_a_sync_changes_nothing_that_is_seen(self, tmp_path: Path) -> None:
        self.need("sync")
        with self.opened(tmp_path) as subject:
            subject.sync()
            subject.append(RECORDS[1])
            subject.sync()
            require_records(_replayed(subject), [RECORDS[1]], "a replay after a sync")

    def test_the_state_is_what_the_records_amount_to(self, tmp_path: Path) -> None:
        self.need("checkpoint")
        records = self.taken()
        for _ in range(2):
            with self.opened(tmp_path) as subject:
                if not list(subject.replay(0)):
                    for record in records:
                        subject.append(record)
                state = subject.state()
            _require_state(state, records)

    def test_an_apply_moves_the_checkpoint_to_a_record_boundary(self, tmp_path: Path) -> None:
        self.need("apply", "checkpoint")
        records = self.taken()
        with self.opened(tmp_path) as subject:
            for record in records:
                subject.append(record)
            checkpoint = subject.apply()
            said, end = subject.state().checkpoint, subject.end()
            require(
                said == checkpoint,
                f"`apply` replied {checkpoint}, and right behind it `state` has the checkpoint "
                f"{said}",
                hint="reply the checkpoint that was saved, and show the same one in `state`",
            )
            require(
                checkpoint <= end,
                f"`apply` replied {checkpoint}, and the log ends at {end}",
                hint=_AT_RECORDS,
            )
        with self.opened(tmp_path) as subject:
            offsets = [offset for offset, _ in subject.replay(0)]
            state = subject.state()
            require(
                state.checkpoint in [*offsets, subject.end()],
                f"after `apply`, a close and an open the checkpoint is {state.checkpoint}, where "
                "no record begins and the log does not end",
                hint=_AT_RECORDS,
            )
            missing = [record.id for record in records if record.id not in state.operations]
            require(not missing, f"after apply, close and open the state lacks {missing}")

    def test_a_tick_sends_what_is_due_and_nothing_that_is_done(self, tmp_path: Path) -> None:
        self.need("effects")
        effects: list[str] = []
        with self.opened(tmp_path, effects) as subject:
            for record in (put("sent", 1), put("waits", 2), put("done", 3), done("done", 4)):
                subject.append(record)
            subject.append(failed("waits", 5, LATER_MS))
            first = [*subject.tick(10)]
            require(first == ["sent"], f"a tick replied {first}, and `sent` alone was due")
            require(effects == ["sent"], f"the effects {effects} were made, and `sent` was due")
            later = sorted([*subject.tick(11), *subject.tick(3 * LATER_MS)])
            require(
                later == ["sent", "waits"],
                f"later ticks replied {later}, and `sent` and `waits` were due, once each",
            )

    def test_a_compaction_drops_records_of_done_operations_and_nothing_else(
        self, tmp_path: Path
    ) -> None:
        self.need("compact")
        records = self.taken()
        with self.opened(tmp_path) as subject:
            for record in records:
                subject.append(record)
            if "apply" in subject.supports:
                subject.apply()
            subject.compact()
            kept = _placed(subject)
            shown = [record for _, record in kept]
            known = [record for record in records if record in shown]
            require_records(shown, known, "a replay after a compaction")
            open_ = [record for record in records if record.id != "b"]
            shown = [record for record in shown if record.id != "b"]
            require_records(shown, open_, "a replay of what is not done, after a compaction,")
            late = put("late", 9)
            kept.append((subject.append(late), late))
            require_growing([offset for offset, _ in kept])
        with self.opened(tmp_path) as subject:
            again = _placed(subject)
            what = "a replay after a compaction, a close and an open"
            require_records([each for _, each in again], [each for _, each in kept], what)
            require(
                again == kept,
                f"{what} has the offsets {[offset for offset, _ in again]}, and before the close "
                f"they were {[offset for offset, _ in kept]}",
                hint="a compaction may give other offsets, a close and an open may not",
            )
            if "checkpoint" in subject.supports:
                _require_state(subject.state(), [*records, late], dropped=frozenset({"b"}))

    def test_two_directories_have_nothing_in_common(self, tmp_path: Path) -> None:
        self.need("reopen")
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            with self.opened(tmp_path / name) as subject:
                require_records(_replayed(subject), (), "a replay of an empty directory")
                subject.append(put(name, 1))
        for name in ("one", "other"):
            with self.opened(tmp_path / name) as subject:
                shown = [record for _, record in _placed(subject)]
                require_records(shown, [put(name, 1)], f"a replay of the directory {name!r}")


def _placed(subject: Adapter) -> list[tuple[int, Record]]:
    """Return each record with its offset."""
    return [(each.offset, each.record) for each in messages.collect(0, subject.replay(0)).records]


def _replayed(subject: Adapter, start: int = 0) -> list[Record | Undecodable]:
    return [record for _, record in subject.replay(start)]


def _require_state(
    state: SubjectState, records: Sequence[Record], *, dropped: frozenset[str] = frozenset()
) -> None:
    """Hold a state against what records come to; what is dropped may be missing as well."""
    found = {name: operation.status for name, operation in state.operations.items()}
    expected = {record.id: _STATUS[record.type] for record in records}
    for name in dropped - found.keys():
        expected.pop(name, None)
    for name in {**expected, **found}:
        shown, right = (each[name].value if name in each else "no" for each in (found, expected))
        require(
            shown == right,
            f"the state has {name!r:.80} with the status {shown}; its records come to {right}",
        )
    for record in records:
        if record.type is RecordType.FAILED:
            one = state.operations[record.id]
            require(
                (one.error, one.next_retry_at_ms) == (record.error, record.next_retry_at_ms),
                f"the state has {record.id!r:.80} with the error {one.error!r:.80}, next try at "
                f"{one.next_retry_at_ms}; its last record has {record.error!r:.80}, "
                f"{record.next_retry_at_ms}",
            )
    require(
        state.checkpoint <= state.applied,
        f"the checkpoint is {state.checkpoint}, and records up to {state.applied} are applied",
        hint="a checkpoint is never ahead of what is applied",
    )
