"""Boots without interception: what was said counts, a timer kills, nothing is left behind."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from walcrash.case.sandbox import INTERCEPTION, Sandbox
from walcrash.recorder.recording import Recording, WatchEnd
from walcrash.values.errors import Inconclusive
from walcrash.values.event import MESSAGES, EventKind
from walcrash.values.faults import CrashPoint, KillTimer
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

OPEN, CLOSE = Operation(OperationKind.OPEN), Operation(OperationKind.CLOSE)
LIMITS = RecoveryLimits(seconds=20.0)

SUBJECT = """
import os, subprocess, sys, time
from walcrash.subjects.adapter import Adapter


class Subject(Adapter):
    def open(self, directory, effect):
        (directory / "pid").write_text(str(os.getpid()))
        if {has_child}:
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            (directory / "child").write_text(str(child.pid))

    def append(self, record):
        time.sleep({seconds})
        return record.ts_ms

    def replay(self, from_offset):
        return []

    def end(self):
        return 0

    def close(self):
        pass
"""


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv(INTERCEPTION, "off")
    with Sandbox() as made:
        yield made


def subject(directory: Path, *, seconds: float = 0.0, has_child: bool = False) -> SubjectSpec:
    path = directory / "subject.py"
    path.write_text(SUBJECT.format(seconds=seconds, has_child=has_child))
    return SubjectSpec(f"{path}:Subject")


def appends(count: int) -> tuple[Operation, ...]:
    records = (Record(RecordType.PUT, f"op-{n}", n + 1) for n in range(count))
    return tuple(Operation(OperationKind.APPEND, record) for record in records)


def said(recording: Recording) -> list[EventKind]:
    return [kind for kind, _ in recording.messages(MESSAGES)]


def test_a_boot_without_a_crash_runs_to_its_end(sandbox: Sandbox, tmp_path: Path) -> None:
    operations = (OPEN, *appends(3), CLOSE)
    spec = subject(tmp_path)
    sandbox.load(spec, LIMITS)
    watched = sandbox.boot(spec, operations, None, LIMITS)
    assert (watched.recording.end, watched.status) == (WatchEnd.EXITED, 0)
    assert said(watched.recording) == [EventKind.REPLY] * 5
    assert [event.call for event in watched.recording.events()] == [0, 1, 2, 3, 4]


def test_a_timer_kill_keeps_what_was_said_before_it(sandbox: Sandbox, tmp_path: Path) -> None:
    spec = subject(tmp_path, seconds=0.05)
    sandbox.load(spec, LIMITS)
    watched = sandbox.boot(spec, (OPEN, *appends(400)), KillTimer(500_000), LIMITS)
    assert watched.recording.end is WatchEnd.KILLED
    assert watched.recording.crash is None
    assert 1 <= len(said(watched.recording)) < 401


def test_a_timer_that_outlasts_the_work_kills_it_before_it_is_closed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    spec = subject(tmp_path)
    sandbox.load(spec, LIMITS)
    watched = sandbox.boot(spec, (OPEN, *appends(2)), KillTimer(1_000_000), LIMITS)
    assert watched.recording.end is WatchEnd.KILLED
    assert said(watched.recording) == [EventKind.REPLY] * 3


def test_processes_that_left_the_group_die_with_it(sandbox: Sandbox, tmp_path: Path) -> None:
    spec = subject(tmp_path, has_child=True)
    sandbox.load(spec, LIMITS)
    sandbox.boot(spec, (OPEN,), KillTimer(1_000_000), LIMITS)
    for name in ("pid", "child"):
        pid = int(Path(sandbox.directory, name).read_text())
        assert not psutil.pid_exists(pid), name


def test_a_call_without_end_is_a_hang(sandbox: Sandbox, tmp_path: Path) -> None:
    spec = subject(tmp_path, seconds=600)
    sandbox.load(spec, LIMITS)
    started = time.monotonic()
    watched = sandbox.boot(spec, (OPEN, *appends(1)), None, RecoveryLimits(seconds=0.5))
    assert watched.recording.end is WatchEnd.HUNG
    assert time.monotonic() - started < 10


def test_an_exact_kill_is_inconclusive_and_says_what_remains(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    spec = subject(tmp_path)
    sandbox.load(spec, LIMITS)
    point = CrashPoint(call=0, ordinal=0, placement=Placement.AFTER)
    with pytest.raises(Inconclusive, match="needs interception, and it is turned off here"):
        sandbox.boot(spec, (OPEN,), point, LIMITS)
    assert os.listdir(sandbox.directory) == []
