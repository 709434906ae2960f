"""Logs that survived an incident: what is found in them, and that they are left as they are."""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from walcrash.subjects.vixw import VixwAdapter
from walcrash.tools.verify import operations as verify_operations
from walcrash.tools.verify.verify import FLAWS_KEPT, VerifyRequest, verify_log
from walcrash.values.errors import ExitCode, Inconclusive, UsageError
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.values.verified import Flaw, FlawKind, LogFormat, LogRow, VerifiedLog
from walcrash.wal import open_store
from walcrash.wal.checkpoint import save_checkpoint
from walcrash.wal.directory import Directory
from walcrash.wal.layout import LOG_HEADER_BYTES
from walcrash.wal.vixw import HEADER_BYTES, START, encode_record

Step = Record | Callable[[bytes], bytes]


def put(name: str, payload: bytes = b"x" * 20) -> Record:
    return Record(RecordType.PUT, name, 1, payload)


def done(name: str) -> Record:
    return Record(RecordType.DONE, name, 2)


def failed(name: str, retry: int = 9) -> Record:
    return Record(RecordType.FAILED, name, 3, error="no route", next_retry_at_ms=retry)


def cut(count: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:-count]


def add(more: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data + more


def poke(position: int, byte: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes([byte]) + data[position + 1 :]


def vixw_log(directory: Path, *steps: Step) -> Path:
    """Write a log as the writer does, and let others change it in between."""
    subject = VixwAdapter()
    subject.open(directory, lambda _: None)
    path = directory / "wal.log"
    path.touch()
    for step in steps:
        if isinstance(step, Record):
            subject.append(step)
        else:
            path.write_bytes(step(path.read_bytes()))
    return path


@dataclass
class Seen:
    verified: VerifiedLog
    rows: list[LogRow]

    @property
    def flaws(self) -> list[tuple[FlawKind, int | None, int | None]]:
        return [(flaw.kind, flaw.offset, flaw.next_offset) for flaw in self.verified.flaws]

    def flaw(self) -> Flaw:
        (only,) = self.verified.flaws
        return only

    @property
    def ids(self) -> list[str]:
        return [row.id for row in self.rows]


def seen(path: Path, log_format: LogFormat = LogFormat.VIXW, checkpoint: int | None = None) -> Seen:
    rows: list[LogRow] = []
    request = VerifyRequest(path=path, format=log_format, checkpoint=checkpoint)
    return Seen(verify_log(request, on_row=rows.append), rows)


def test_a_sound_log_has_all_its_records_and_operations(tmp_path: Path) -> None:
    steps = (put("a"), put("b"), done("a"), failed("b"), failed("b", 11), put("c"))
    found = seen(vixw_log(tmp_path, *steps))
    assert found.verified.is_sound
    assert found.verified.flaws == ()
    assert found.ids == ["a", "b", "a", "b", "b", "c"]
    assert found.verified.last_good_offset == found.verified.size_bytes
    assert found.verified.operation_counts == {
        OperationStatus.PENDING: 1,
        OperationStatus.FAILED: 1,
        OperationStatus.DONE: 1,
    }
    b, c = found.verified.operations
    assert (b.id, b.attempts, b.error, b.next_retry_at_ms) == ("b", 2, "no route", 11)
    assert (c.id, c.status) == ("c", OperationStatus.PENDING)
    assert any("checksum" in spot for spot in found.verified.blind_spots)


def test_an_empty_log_is_sound(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path))
    assert found.verified.is_sound
    assert found.rows == []


RECORD = b"".join(encode_record(put("b", b"y" * 30)))


@pytest.mark.parametrize("kept", range(1, len(RECORD)))
def test_every_torn_write_at_the_end_is_a_torn_tail_and_sound(kept: int, tmp_path: Path) -> None:
    path = vixw_log(tmp_path, put("a"), add(RECORD[:kept]))
    found = seen(path)
    assert found.flaws == [(FlawKind.TORN_TAIL, 57, None)]
    assert found.verified.is_sound
    assert found.verified.last_good_offset == 57
    assert found.flaw().length_bytes == kept


@pytest.mark.parametrize("kept", range(HEADER_BYTES))
def test_zeros_behind_any_part_of_a_header_are_a_torn_tail(kept: int, tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), add(RECORD[:kept] + bytes(4096))))
    assert [kind for kind, _, _ in found.flaws] in (
        [FlawKind.TORN_TAIL],
        # The whole of a record's header but for its time: zeros do as its body.
        [FlawKind.TORN_TAIL, FlawKind.DOUBT],
        [FlawKind.DOUBT, FlawKind.TORN_TAIL],
        [FlawKind.DOUBT, FlawKind.DOUBT, FlawKind.TORN_TAIL],
    )
    assert found.verified.is_sound


def test_rubbish_at_the_end_is_damage(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), add(b"rubbish" * 10)))
    assert found.flaws == [(FlawKind.DAMAGE, 57, None)]
    assert not found.verified.is_sound
    assert found.flaw().at == 57
    assert b"rubbish" in found.flaw().data


@pytest.mark.parametrize("lost", range(len(RECORD) - 29, len(RECORD)))
def test_what_was_appended_behind_a_torn_header_is_found(lost: int, tmp_path: Path) -> None:
    path = vixw_log(tmp_path, put("a"), put("b", b"y" * 30), cut(lost), put("c"), done("a"))
    found = seen(path)
    torn = len(RECORD) - lost
    if torn >= 1:
        assert found.flaws == [(FlawKind.DAMAGE, 57, 57 + torn)]
    assert found.ids == ["a", "c", "a"]
    assert found.verified.last_good_offset == 57


@pytest.mark.parametrize("lost", range(1, 100))
def test_what_was_appended_behind_a_torn_payload_is_found_in_it(lost: int, tmp_path: Path) -> None:
    payload = b"y" * 100
    path = vixw_log(tmp_path, put("a"), put("b", payload), cut(lost), put("c"), put("d"), put("e"))
    inside = 57 + HEADER_BYTES + 1 + 100 - lost
    found = seen(path)
    # Only a tear of exactly one or two records' length fits the next record's start again.
    if lost in (57, 114):
        assert found.verified.is_sound
    else:
        assert found.flaws == [(FlawKind.DAMAGE, 57, inside)]
        assert found.ids == ["a", "c", "d", "e"]
        assert not found.verified.is_sound


def test_a_run_of_zeros_in_the_middle_is_measured(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), add(bytes(4096)), put("b")))
    assert found.flaws == [(FlawKind.DAMAGE, 57, 57 + 4096)]
    assert "4,096 zeros" in found.flaw().message


def test_a_flipped_bit_of_a_header_is_found_and_of_a_payload_is_not(tmp_path: Path) -> None:
    steps = (put("a"), put("b"), put("c"))
    for byte in range(8):
        found = seen(vixw_log(tmp_path, *steps, poke(57 + byte, 0x80)))
        assert found.ids == ["a", "c"], byte
        assert found.flaws == [(FlawKind.DAMAGE, 57, 114)]
        (tmp_path / "wal.log").unlink()
    assert seen(vixw_log(tmp_path, *steps, poke(57 + 50, 0x80))).verified.is_sound


def test_a_payload_of_zeros_is_a_doubt_and_no_damage(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a", b"x" * 600 + bytes(600)), put("b", bytes(511))))
    assert [kind for kind, _, _ in found.flaws] == [FlawKind.DOUBT]
    assert found.verified.is_sound
    assert found.flaw().at == HEADER_BYTES + 1 + 600


@pytest.mark.parametrize("mark", [done("b"), failed("b")])
def test_a_mark_without_a_put_says_that_a_vixw_log_lost_something(
    mark: Record, tmp_path: Path
) -> None:
    found = seen(vixw_log(tmp_path, put("a"), mark))
    assert found.flaws == [(FlawKind.MARK_WITHOUT_PUT, 57, None)]
    assert not found.verified.is_sound
    assert found.verified.operation_counts == {OperationStatus.PENDING: 1}


def test_a_later_put_starts_an_operation_anew(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), failed("a"), done("a"), put("a")))
    (operation,) = found.verified.operations
    assert (operation.status, operation.attempts) == (OperationStatus.PENDING, 0)


def test_no_offset_as_a_checkpoint_is_right_only_without_a_record(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), put("b")), checkpoint=-1)
    assert found.flaw().kind is FlawKind.CHECKPOINT
    assert "for a log without a record, and this one has 2" in found.flaw().message
    assert not found.verified.is_sound
    (tmp_path / "empty").mkdir()
    assert seen(vixw_log(tmp_path / "empty"), checkpoint=-1).verified.is_sound


def test_a_torn_header_of_no_type_is_said_to_be_passed_over(tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), lambda data: data + START + bytes(40)))
    assert found.flaw().kind is FlawKind.TORN_TAIL
    assert "Replay passes over it as a record of type 0, which is none, and reads on at 93" in (
        found.flaw().message
    )
    assert "truncate the file to 57" in found.flaw().message


@pytest.mark.parametrize("checkpoint", [0, 57, 114])
def test_a_checkpoint_on_a_boundary_is_right(checkpoint: int, tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), put("b")), checkpoint=checkpoint)
    assert found.verified.is_sound
    assert found.verified.checkpoint == checkpoint


@pytest.mark.parametrize(("checkpoint", "problem"), [(58, "no offset"), (115, "ahead")])
def test_a_checkpoint_elsewhere_is_damage(checkpoint: int, problem: str, tmp_path: Path) -> None:
    found = seen(vixw_log(tmp_path, put("a"), put("b")), checkpoint=checkpoint)
    assert found.flaw().kind is FlawKind.CHECKPOINT
    assert problem in found.flaw().message
    assert not found.verified.is_sound


@pytest.mark.parametrize("at", [16, 20, 24])
def test_a_length_of_four_gigabytes_is_damage_and_costs_no_memory(at: int, tmp_path: Path) -> None:
    def change(data: bytes) -> bytes:
        return data[: 57 + at] + b"\xff\xff\xff\xff" + data[57 + at + 4 :]

    found = seen(vixw_log(tmp_path, put("a"), put("b"), put("c"), change))
    assert found.flaws == [(FlawKind.DAMAGE, 57, 114)]
    assert found.ids == ["a", "c"]


def test_long_ids_are_told_apart_and_shortened(tmp_path: Path) -> None:
    one, other = "x" * 100_000 + "1", "x" * 100_000 + "2"
    found = seen(vixw_log(tmp_path, put(one), put(other), done(one)))
    assert found.verified.operation_counts == {
        OperationStatus.PENDING: 1,
        OperationStatus.DONE: 1,
    }
    assert len(found.rows[0].id) < 300
    assert found.rows[0].id.endswith("...")


def test_many_flaws_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    steps = itertools.chain.from_iterable((put(str(i)), add(b"?")) for i in range(50))
    found = seen(vixw_log(tmp_path, *steps))
    assert found.verified.flaw_counts == {FlawKind.DAMAGE: 50}
    assert len(found.verified.flaws) == FLAWS_KEPT
    assert len(found.rows) == 50


def test_operations_that_do_not_fit_in_memory_are_folded_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Step] = [put(f"op-{i}") for i in range(60)]
    steps += [failed(f"op-{i}") for i in range(0, 60, 2)]
    steps += [done(f"op-{i}") for i in range(0, 60, 3)]
    path = vixw_log(tmp_path, *steps)
    expected = seen(path).verified
    monkeypatch.setattr(verify_operations, "HOT_OPERATIONS", 7)
    assert seen(path).verified == expected
    assert sum(expected.operation_counts.values()) == 60


def reference(directory: Path, *records: Record, apply_after: int | None = None) -> None:
    with open_store(directory) as store:
        for index, record in enumerate(records):
            store.append(record)
            if index == apply_after:
                store.apply()


def test_a_sound_reference_store_is_sound_with_its_checkpoint(tmp_path: Path) -> None:
    reference(tmp_path, put("a"), put("b"), done("a"), failed("b"), apply_after=2)
    for path in (tmp_path, tmp_path / "wal.log"):
        found = seen(path, LogFormat.REFERENCE)
        assert found.verified.flaws == ()
        assert found.verified.is_sound
        assert found.ids == ["a", "b", "a", "b"]
        assert found.verified.checkpoint == found.verified.applied == found.rows[3].offset


def test_a_compacted_reference_store_is_sound(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for record in (put("a"), put("b"), done("a"), put("c")):
            store.append(record)
        store.apply()
        store.compact()
        store.append(done("a"))
    found = seen(tmp_path, LogFormat.REFERENCE)
    assert found.verified.is_sound
    assert found.verified.first_offset > 0
    assert found.flaws == [(FlawKind.MARK_WITHOUT_PUT, found.rows[-1].offset, None)]


@pytest.mark.parametrize("lost", [1, 30, 70])
def test_a_torn_tail_of_a_reference_log_is_sound(lost: int, tmp_path: Path) -> None:
    reference(tmp_path, put("a"), put("b"))
    path = tmp_path / "wal.log"
    path.write_bytes(path.read_bytes()[:-lost])
    found = seen(tmp_path, LogFormat.REFERENCE)
    assert found.flaw().kind is FlawKind.TORN_TAIL
    assert found.verified.is_sound
    assert found.ids == ["a"]


def test_damage_in_the_middle_of_a_reference_log_is_found_and_read_past(tmp_path: Path) -> None:
    reference(tmp_path, put("a"), put("b"), put("c"), put("d"))
    path = tmp_path / "wal.log"
    sound = seen(tmp_path, LogFormat.REFERENCE).rows
    place = LOG_HEADER_BYTES + sound[1].offset + 60
    path.write_bytes(poke(place, 0)(path.read_bytes()))
    found = seen(tmp_path, LogFormat.REFERENCE)
    assert found.flaws == [(FlawKind.DAMAGE, sound[1].offset, sound[2].offset)]
    assert found.ids == ["a", "c", "d"]
    assert found.verified.last_good_offset == sound[1].offset


def test_a_reference_log_that_ends_before_what_was_applied_is_damaged(tmp_path: Path) -> None:
    reference(tmp_path, put("a"), put("b"), apply_after=1)
    path = tmp_path / "wal.log"
    path.write_bytes(path.read_bytes()[:-77])
    found = seen(tmp_path, LogFormat.REFERENCE)
    assert not found.verified.is_sound
    kinds = {flaw.kind for flaw in found.verified.flaws}
    assert kinds == {FlawKind.DAMAGE, FlawKind.CHECKPOINT, FlawKind.STATE}


def test_a_reference_log_that_is_gone_is_damage_if_anything_was_applied(tmp_path: Path) -> None:
    reference(tmp_path, put("a"), apply_after=0)
    (tmp_path / "wal.log").unlink()
    found = seen(tmp_path, LogFormat.REFERENCE)
    assert "is gone" in found.verified.flaws[-1].message
    assert not found.verified.is_sound


@pytest.mark.parametrize("name", ["checkpoint", "outbox.state"])
def test_a_damaged_file_beside_a_reference_log_is_damage(name: str, tmp_path: Path) -> None:
    reference(tmp_path, put("a"), apply_after=0)
    path = tmp_path / name
    path.write_bytes(poke(15, 0x77)(path.read_bytes()))
    assert not seen(tmp_path, LogFormat.REFERENCE).verified.is_sound


def test_a_checkpoint_ahead_of_the_state_is_damage(tmp_path: Path) -> None:
    reference(tmp_path, put("a"), put("b"), apply_after=0)
    end = seen(tmp_path, LogFormat.REFERENCE).verified.end_offset
    directory = Directory.open(tmp_path)
    save_checkpoint(directory, end)
    directory.close()
    found = seen(tmp_path, LogFormat.REFERENCE)
    assert "ahead of the state" in found.flaw().message
    assert not found.verified.is_sound


def test_a_damaged_header_of_a_reference_log_is_damage(tmp_path: Path) -> None:
    reference(tmp_path, put("a"))
    path = tmp_path / "wal.log"
    path.write_bytes(poke(20, 1)(path.read_bytes()))
    found = seen(path, LogFormat.REFERENCE)
    assert not found.verified.is_sound
    assert found.rows == []


def test_files_that_were_being_written_are_told(tmp_path: Path) -> None:
    reference(tmp_path, put("a"))
    (tmp_path / "checkpoint.tmp").touch()
    assert "checkpoint.tmp" in seen(tmp_path, LogFormat.REFERENCE).flaw().message


@pytest.mark.parametrize("mode", [0o755, 0o555])
def test_nothing_is_changed(mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "evidence"
    directory.mkdir()
    reference(directory, put("a"), put("b"), apply_after=0)
    path = directory / "wal.log"
    path.write_bytes(path.read_bytes()[:-1])
    directory.chmod(mode)

    def facts() -> list[tuple[object, ...]]:
        stats = [(entry, entry.stat()) for entry in [directory, *sorted(directory.iterdir())]]
        return [(e.name, s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino) for e, s in stats]

    flags: list[int] = []
    really_open = os.open

    def watched(name: str, flag: int, *more: int, **named: int) -> int:
        flags.append(flag)
        return really_open(name, flag, *more, **named)

    before = facts()
    monkeypatch.setattr(os, "open", watched)
    found = seen(directory, LogFormat.REFERENCE)
    seen(directory / "outbox.state")
    assert found.flaw().kind is FlawKind.TORN_TAIL
    assert facts() == before
    assert len(flags) >= 4
    assert {flag & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC) for flag in flags} == {os.O_RDONLY}
    directory.chmod(0o755)


def refusal(path: Path, log_format: LogFormat = LogFormat.VIXW, **more: int) -> UsageError:
    with pytest.raises(UsageError) as caught:
        seen(path, log_format, **more)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("log_format", LogFormat)
def test_what_is_no_file_is_refused_and_nothing_waits_for_it(
    log_format: LogFormat, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "a FIFO" in str(refusal(tmp_path / "fifo", log_format))
    assert "a device" in str(refusal(Path("/dev/zero"), log_format))
    assert "there is no file" in str(refusal(tmp_path / "nothing", log_format))
    assert "there is no file" in str(refusal(tmp_path / "nothing" / "deeper", log_format))
    (tmp_path / "loop").symlink_to("loop")
    assert "symbolic links" in str(refusal(tmp_path / "loop", log_format))
    assert "too long" in str(refusal(tmp_path / ("x" * 300), log_format))


def test_a_directory_is_refused_for_vixw_and_one_without_a_log_for_the_reference(
    tmp_path: Path,
) -> None:
    assert "a directory" in str(refusal(tmp_path))
    assert "there is no file" in str(refusal(tmp_path, LogFormat.REFERENCE))


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    path = vixw_log(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in str(refusal(path))


def test_a_device_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int, count: int, position: int) -> bytes:
        raise OSError(5, "Input/output error")

    path = vixw_log(tmp_path, put("a"))
    monkeypatch.setattr(os, "pread", fail)
    assert "Input/output error" in str(refusal(path))


def test_a_log_of_the_other_format_is_named(tmp_path: Path) -> None:
    path = vixw_log(tmp_path, put("a"))
    assert "--format vixw" in refusal(path, LogFormat.REFERENCE).hint
    path.unlink()
    reference(tmp_path, put("a"))
    assert "--format reference" in refusal(path).hint


def test_a_checkpoint_is_not_given_for_the_reference(tmp_path: Path) -> None:
    reference(tmp_path, put("a"))
    assert "--checkpoint" in str(refusal(tmp_path, LogFormat.REFERENCE, checkpoint=1))


def test_a_log_that_is_being_written_is_inconclusive(tmp_path: Path) -> None:
    path = vixw_log(tmp_path, put("a"), put("b"))

    def write(_: LogRow) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(Inconclusive, match="changed meanwhile"):
        verify_log(VerifyRequest(path=path, format=LogFormat.VIXW), on_row=write)
