"""Judging in a case: a log that takes nothing is accused where a new one has room, and not else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from made_up_subject import CLOSE, append, closed, killed, put, stored

from walcrash.case.judging import NEW_LOG_TIMES, CaseJudge
from walcrash.case.sandbox import Sandbox
from walcrash.values.history import BootEnd, BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.operation import Operation
from walcrash.values.recovery import RecoveredRecord, Recovery
from walcrash.values.scenario import RecoveryLimits
from walcrash.values.verdict import Invariant, Verdict
from walcrash.workload import room

RECORD_BYTES = 40
"""What a record takes in the made-up log beside its payload."""


@dataclass
class NewLogs:
    """A sandbox whose subject has so much room, in bytes; `ends_after` is the call it dies in.

    It takes nothing from the boot on that comes behind so many kills in one directory.
    """

    directory: str
    room_bytes: int
    ends_after: int | None = None
    shows: Recovery | None = None
    most_kills: int = 100
    kills: int = 0
    asked: int = 0
    seconds: float = 0.0

    def clear(self) -> None:
        self.kills = 0
        for each in Path(self.directory).iterdir():
            each.unlink()

    def recover(
        self,
        _: object,
        operations: Sequence[Operation],
        limits: RecoveryLimits,
        *,
        is_killed: bool = False,
        is_forked: bool,
    ) -> BootHistory:
        assert is_forked, "nothing is carried over"
        there = Path(self.directory) / "new"
        used = int(there.read_bytes()) if there.exists() else 0
        assert used or not list(Path(self.directory).iterdir()), "a new log finds nothing"
        self.asked, self.seconds = self.asked + 1, limits.seconds
        calls = []
        for operation in operations:
            outcome = Outcome.ACKNOWLEDGED
            if operation.record is not None:
                taken = RECORD_BYTES + len(operation.record.payload)
                if used + taken > self.room_bytes or self.kills >= self.most_kills:
                    outcome = Outcome.REFUSED_DEFINITE
                else:
                    used += taken
            calls.append(Call(operation, outcome))
        self.kills += is_killed
        there.write_bytes(str(used).encode())
        return BootHistory(tuple(calls[: self.ends_after]), self.shows, BootEnd.CLOSED)


KEPT = [put(number, b"x" * 100) for number in range(4)]


def shown() -> Recovery:
    records = [each.record for each in KEPT if each.record is not None]
    items = tuple(RecoveredRecord(at, record) for at, record in enumerate(records))
    return Recovery(items, len(items), None)


def history() -> History:
    """Return a case of two boots and a recovery; the second boot and the work take nothing."""
    first = killed(*KEPT).operations
    calls = [Call(each, Outcome.ACKNOWLEDGED) for each in first]
    boots = (
        BootHistory(
            tuple(replace(call, offset=at - 1) if at else call for at, call in enumerate(calls)),
            Recovery((), 0, None),
            BootEnd.KILLED,
        ),
        BootHistory(
            (
                Call(first[0], Outcome.ACKNOWLEDGED),
                Call(put(50, b"y" * 100), Outcome.REFUSED_DEFINITE, error="full"),
            ),
            shown(),
            BootEnd.KILLED,
        ),
    )
    record = put(60).record
    assert record is not None
    work = (
        Call(append(record), Outcome.REFUSED_DEFINITE, error="full"),
        Call(CLOSE, Outcome.ACKNOWLEDGED),
    )
    return History(boots, Recoveries(first=shown(), again=shown(), continued=work, after=shown()))


def judge_of(logs: NewLogs) -> CaseJudge:
    case = replace(stored(killed(*KEPT), closed()), invariants=frozenset(Invariant))
    return CaseJudge(cast("Sandbox", logs), case)


def test_a_log_is_accused_where_a_new_one_takes_more_and_then_what_was_refused(
    tmp_path: Path,
) -> None:
    logs = NewLogs(str(tmp_path), room_bytes=1 << 20)
    found = judge_of(logs).judge(history())
    assert [each.invariant for each in found.violations] == [Invariant.NOT_APPENDABLE]
    assert "not even one of a size that was accepted before" in found.violations[0].message
    # Of the boot, and of the work after the recovery.
    assert logs.asked == 2
    assert logs.seconds == NEW_LOG_TIMES * 3.0


def test_a_log_is_not_accused_where_a_new_one_is_full_as_well(tmp_path: Path) -> None:
    logs = NewLogs(str(tmp_path), room_bytes=4 * (RECORD_BYTES + 100) + 50)
    judge, case = judge_of(logs), history()
    assert judge.judge(case).verdict is Verdict.PASS
    noted = judge.noted(case)
    assert [boot.is_full for boot in noted.boots] == [False, True]
    assert noted.recoveries.is_full
    # Both are asked in one boot, then in the same boots, of which the last one is full.
    assert logs.asked == 1 + 2 + 1 + 3
    assert judge.judge(case).verdict is Verdict.PASS
    assert logs.asked == 7, "what is known is not asked again"


def test_a_log_that_could_be_full_by_what_boots_waste_is_not_accused(tmp_path: Path) -> None:
    # Twice what is held and its longest record fit, the pages that two boots may waste do not.
    logs = NewLogs(str(tmp_path), room_bytes=9 * (RECORD_BYTES + 100) + 4096)
    assert judge_of(logs).judge(history()).verdict is Verdict.PASS


# In one boot a new log is given 6,440 bytes: four records twice, a page in puts of 100 bytes, the
# longest record and the refused one. The same boots need 840.
BETWEEN = 6000


def test_a_log_that_lost_its_room_by_a_crash_is_accused_where_the_same_boots_leave_room(
    tmp_path: Path,
) -> None:
    found = judge_of(NewLogs(str(tmp_path), BETWEEN, shows=shown())).judge(history())
    assert [each.invariant for each in found.violations] == [Invariant.NOT_APPENDABLE]


def test_the_same_boots_are_no_evidence_where_they_have_freed_more(tmp_path: Path) -> None:
    logs = NewLogs(str(tmp_path), BETWEEN, shows=Recovery((), 0, None))
    assert judge_of(logs).judge(history()).verdict is Verdict.PASS


def test_a_log_that_begins_a_file_after_each_kill_may_have_no_more_of_them(
    tmp_path: Path,
) -> None:
    for name in ("wal.1", "wal.2"):
        (tmp_path / name).write_bytes(b"")
    first, full = history().boots
    three = History((first, full, full), Recoveries(first=shown()))
    # A new log takes a put behind one kill, and none behind two, as the third boot did.
    judge = judge_of(NewLogs(str(tmp_path), room_bytes=1 << 20, most_kills=2))
    assert [each.where for each in judge.judge(three).violations] == ["boot 2"]
    assert [boot.is_full for boot in judge.noted(three).boots] == [False, False, True]
    # Here it takes none behind the first kill: that has closed it.
    judge = judge_of(NewLogs(str(tmp_path), room_bytes=1 << 20, most_kills=1))
    assert judge.judge(three).verdict is Verdict.FAIL
    assert not any(boot.is_full for boot in judge.noted(three).boots)


def test_a_new_log_that_does_not_come_to_its_end_says_nothing(tmp_path: Path) -> None:
    logs = NewLogs(str(tmp_path), room_bytes=1 << 20, ends_after=3)
    assert judge_of(logs).judge(history()).verdict is Verdict.PASS


def test_a_log_is_not_accused_where_a_new_one_would_need_too_many_puts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PUTS", 0)
    logs = NewLogs(str(tmp_path), room_bytes=1 << 20)
    assert judge_of(logs).judge(history()).verdict is Verdict.PASS
    assert not logs.asked


def test_the_directory_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "wal.log").write_bytes(b"records")
    judge_of(NewLogs(str(tmp_path), room_bytes=0)).judge(history())
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"wal.log": b"records"}


def test_a_case_that_passes_makes_no_new_log(tmp_path: Path) -> None:
    logs = NewLogs(str(tmp_path), room_bytes=1 << 20)
    right = replace(history(), boots=history().boots[:1], recoveries=Recoveries(first=shown()))
    assert judge_of(logs).judge(right).verdict is Verdict.PASS
    assert not logs.asked


def test_the_records_of_a_full_log_are_still_judged(tmp_path: Path) -> None:
    logs = NewLogs(str(tmp_path), room_bytes=0)
    lost = replace(history(), recoveries=replace(history().recoveries, after=Recovery((), 0, None)))
    found = judge_of(logs).judge(lost)
    assert [each.breaks_as for each in found.violations] == [Invariant.LOST_PUT]
