"""What a worker says, and how it is read: rubbish is told as rubbish, everything else survives."""

import json
from pathlib import Path
from typing import Any

import pytest

from walcrash.subjects import messages
from walcrash.subjects.boots import Ending, read_boot
from walcrash.subjects.loading import (
    NotAnAdapter,
    find_adapter,
    make_adapter,
    registered_adapters,
)
from walcrash.subjects.messages import MalformedOutput
from walcrash.subjects.reference import ReferenceAdapter
from walcrash.subjects.worker import Boot, BootRequest
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import (
    FailureKind,
    OperationState,
    OperationStatus,
    Recovery,
    RecoveryFailure,
    SubjectState,
)

OPEN = Operation(OperationKind.OPEN)


def append(record: Record) -> Operation:
    return Operation(OperationKind.APPEND, record)


CLOSE = Operation(OperationKind.CLOSE)

WORK = (
    OPEN,
    append(Record(RecordType.PUT, "a", 1, bytes(range(256)))),
    append(Record(RecordType.FAILED, "a", 2, error="\u00fcbel\n", next_retry_at_ms=9)),
    Operation(OperationKind.TICK, now_ms=10_000_000),
    Operation(OperationKind.APPLY),
    Operation(OperationKind.REPLAY, from_call=2),
    Operation(OperationKind.SYNC),
    Operation(OperationKind.CLOSE),
)


def said_by(directory: Path, operations: tuple[Operation, ...], adapter: str = "reference") -> Any:
    said: list[bytes] = []
    request = BootRequest(
        adapter=adapter, options={}, directory=str(directory), operations=operations
    )
    Boot(request, said.append).run()
    return said


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_a_subject_raises_is_printed_where_somebody_hears_it(
    is_heard: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    directory = str(tmp_path / "file")
    request = BootRequest(adapter="reference", options={}, directory=directory, operations=(OPEN,))
    said: list[bytes] = []
    Boot(request, said.append, is_heard=is_heard).run()
    assert "Error: " in json.loads(said[0])["error"]
    assert ("Traceback" in capsys.readouterr().err) is is_heard


def test_a_boot_is_read_back_as_it_was(tmp_path: Path) -> None:
    said = said_by(tmp_path, WORK)
    boot = read_boot(WORK, said, Ending(BootEnd.CLOSED), directory=str(tmp_path))
    assert [call.outcome for call in boot.calls] == [Outcome.ACKNOWLEDGED] * len(WORK)
    assert boot.calls[3].sent == boot.calls[3].effects == ("a",)
    replayed = boot.calls[5].replayed
    assert replayed is not None
    assert [entry.record for entry in replayed.records] == [WORK[2].record]
    assert boot.calls[2].offset is not None
    assert boot.calls[4].checkpoint is not None
    assert boot.calls[4].checkpoint > boot.calls[2].offset
    again = read_boot((OPEN,), said_by(tmp_path, (OPEN,)), Ending(BootEnd.KILLED), directory="/")
    recovery = again.recovery
    assert isinstance(recovery, Recovery)
    assert [entry.record for entry in recovery.records] == [WORK[1].record, WORK[2].record]
    assert recovery.state is not None
    assert recovery.state.operations["a"].error == "\u00fcbel\n"


def test_an_equal_reply_to_open_is_read_once_and_another_one_anew(tmp_path: Path) -> None:
    def opened(said: list[bytes]) -> Recovery:
        recovery = read_boot((OPEN,), said, Ending(BootEnd.KILLED), directory="/").recovery
        assert isinstance(recovery, Recovery)
        return recovery

    said_by(tmp_path, WORK)
    first, again = (opened(said_by(tmp_path, (OPEN, CLOSE))[:1]) for _ in range(2))
    assert first is again
    said_by(tmp_path, (OPEN, append(Record(RecordType.DONE, "a", 3)), CLOSE))
    other = opened(said_by(tmp_path, (OPEN, CLOSE))[:1])
    assert other.records[:2] == first.records
    assert [entry.record.type for entry in other.records[2:]] == [RecordType.DONE]


def test_the_replies_that_are_kept_are_the_last_of_so_many_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "KNOWN_BYTES", 10)
    known, recovery = messages.KnownRecoveries(), Recovery((), 0, None)
    for message in (b"aaaa", b"bbbb"):
        known.keep(message, recovery)
    assert known.get(b"aaaa") is recovery
    known.keep(b"cc", recovery)
    known.keep(b"ddd", recovery)
    kept = [each for each in (b"aaaa", b"bbbb", b"cc", b"ddd") if known.get(each)]
    assert kept == [b"aaaa", b"cc", b"ddd"]
    known.keep(b"longer than that", recovery)
    assert known.get(b"longer than that") is None


def test_a_call_without_a_reply_was_under_way(tmp_path: Path) -> None:
    said = said_by(tmp_path, WORK)[:2]
    boot = read_boot(WORK, said, Ending(BootEnd.KILLED), directory=str(tmp_path))
    assert [call.outcome for call in boot.calls] == [
        Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.UNANSWERED,
    ]  # fmt: skip


def test_effects_without_their_reply_are_seen(tmp_path: Path) -> None:
    said = said_by(tmp_path, WORK)[:4]
    assert said[3] == messages.effect_message("a")
    boot = read_boot(WORK, said, Ending(BootEnd.KILLED), directory=str(tmp_path))
    assert boot.calls[3].effects == ("a",)
    assert boot.calls[3].outcome is Outcome.UNANSWERED


@pytest.mark.parametrize(
    "rubbish", [b"", b"\xff", b"[]", b"{}", b'{"ok": 1}', b'{"ok": true}' * 2, b"[" * 100_000]
)
def test_what_is_no_reply_is_rubbish(rubbish: bytes) -> None:
    with pytest.raises(MalformedOutput):
        messages.read_reply(rubbish)
    boot = read_boot((OPEN,), [rubbish], Ending(BootEnd.KILLED), directory="/d")
    assert isinstance(boot.recovery, RecoveryFailure)
    assert boot.recovery.kind is FailureKind.MALFORMED


def test_a_reply_to_no_call_is_rubbish() -> None:
    reply = json.dumps({"ok": False, "error": "no"}).encode()
    boot = read_boot((OPEN,), [reply, reply], Ending(BootEnd.KILLED), directory="/d")
    assert isinstance(boot.recovery, RecoveryFailure)


@pytest.mark.parametrize(
    "recovery",
    [None, 5, {}, {"records": 5}, {"records": [[]], "end": 1, "resumes": [], "state": None},
     {"records": [], "end": 1, "resumes": [[1, [7]]], "state": None},
     {"records": [], "end": 1, "resumes": [], "state": {}}],
)  # fmt: skip
def test_a_recovery_that_makes_no_sense_is_rubbish(recovery: object) -> None:
    reply = json.dumps({"ok": True, "recovery": recovery}).encode()
    boot = read_boot((OPEN,), [reply], Ending(BootEnd.CLOSED), directory="/d")
    assert isinstance(boot.recovery, RecoveryFailure)
    assert boot.recovery.kind is FailureKind.MALFORMED


def test_texts_of_a_subject_do_not_depend_on_the_run() -> None:
    error = "DirectoryBusy at /tmp/walcrash-x1/subject/wal.log of <Log object at 0x7f00deadbeef>"
    reply = json.dumps({"ok": False, "error": error}).encode()
    boot = read_boot((OPEN,), [reply], Ending(BootEnd.CLOSED), directory="/tmp/walcrash-x1/subject")
    assert boot.calls[0].error == "DirectoryBusy at wal.log of <Log object at 0x\u2026>"


@pytest.mark.parametrize("value", [None, "1", 1.0, True, 1 << 63, -(1 << 63) - 1, [1]])
def test_an_integer_is_one_of_64_bits(value: object) -> None:
    with pytest.raises(MalformedOutput, match="append\\(\\) returns an integer"):
        messages.integer(value, "append() returns")


@pytest.mark.parametrize("value", [None, 5, [1], [b"a"], {"a"}])
def test_ids_are_a_sequence_of_texts(value: object) -> None:
    with pytest.raises(MalformedOutput, match="tick\\(\\) returns a sequence of ids"):
        messages.id_list(value, "tick() returns")


def odd_operation(**changes: object) -> SubjectState:
    fields: dict[str, Any] = {"status": OperationStatus.DONE, "error": "", "next_retry_at_ms": 0}
    return SubjectState(0, 0, {"a": OperationState(**{**fields, **changes})})


@pytest.mark.parametrize(
    "state",
    [None, {}, SubjectState("0", 0, {}), SubjectState(0, None, {}), SubjectState(0, 0, []),
     SubjectState(0, 0, {"a": None}), SubjectState(0, 0, {5: OperationState("done")}),
     odd_operation(status="done"), odd_operation(error=None),
     odd_operation(next_retry_at_ms=1.5)],
)  # fmt: skip
def test_a_state_that_makes_no_sense_is_rubbish(state: Any, tmp_path: Path) -> None:
    class Odd(ReferenceAdapter):
        def state(self) -> SubjectState:
            return state

    adapter = Odd()
    adapter.open(tmp_path, [].append)
    with pytest.raises(MalformedOutput):
        messages.recover(adapter)
    adapter.close()


def test_names_that_lead_to_no_adapter_are_told() -> None:
    for name in ("nothing", ":", "a:", ":b", "json:dumps", "json:JSONDecoder", "none.py:A"):
        with pytest.raises(NotAnAdapter):
            find_adapter(name)
    with pytest.raises(NotAnAdapter, match="has no option `speed`; there: in_flight"):
        make_adapter(find_adapter("reference"), {"speed": 9})


def test_an_installed_package_can_give_an_adapter_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "mylog-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mylog\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "[walcrash.subjects]\nmylog = walcrash.subjects.reference:ReferenceAdapter\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for cached in (find_adapter, registered_adapters):
        cached.cache_clear()
    assert find_adapter("mylog") is ReferenceAdapter
    with pytest.raises(NotAnAdapter, match=r"nor one of an installed package \(mylog\) nor"):
        find_adapter("other")
    for cached in (find_adapter, registered_adapters):
        cached.cache_clear()


def outcomes(directory: Path, *records: Record) -> list[Outcome]:
    """Return how the appends of one boot ended."""
    work = (OPEN, *map(append, records), Operation(OperationKind.CLOSE))
    said = said_by(directory, work)
    boot = read_boot(work, said, Ending(BootEnd.CLOSED), directory=str(directory))
    return [call.outcome for call in boot.calls[1:-1]]


def test_a_mark_is_asked_for_only_where_its_put_was_acknowledged_in_this_boot_or_shown(
    tmp_path: Path,
) -> None:
    known, unknown = Outcome.ACKNOWLEDGED, Outcome.NOT_ASKED
    put, lost = Record(RecordType.PUT, "a", 1), Record(RecordType.DONE, "lost", 2)
    failed = Record(RecordType.FAILED, "a", 3, error="no route", next_retry_at_ms=9)
    assert outcomes(tmp_path, lost, failed, put, failed) == [unknown, unknown, known, known]
    assert outcomes(tmp_path, lost, Record(RecordType.DONE, "a", 4)) == [unknown, known]
    (tmp_path / "other").mkdir()
    assert outcomes(tmp_path / "other", Record(RecordType.DONE, "a", 5)) == [unknown]


def test_a_put_that_was_refused_is_not_marked(tmp_path: Path) -> None:
    long = Record(RecordType.PUT, "x" * 70_000, 1)
    assert outcomes(tmp_path, long, Record(RecordType.DONE, long.id, 2)) == [
        Outcome.REFUSED_DEFINITE,
        Outcome.NOT_ASKED,
    ]
