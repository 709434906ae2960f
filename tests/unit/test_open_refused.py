"""Boots whose `open` refuses: nothing is left to kill, so they end at once and not as hung ones."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from walcrash.case.sandbox import INTERCEPTION, Sandbox
from walcrash.case.watched_boot import watch_boot
from walcrash.recorder.recording import WatchEnd
from walcrash.values.case import BootPlan
from walcrash.values.faults import CrashPoint, End, KillTimer
from walcrash.values.history import BootEnd, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

OPERATIONS = (
    Operation(OperationKind.OPEN),
    Operation(OperationKind.APPEND, Record(RecordType.PUT, "op-1", 1)),
)
LIMITS = RecoveryLimits(seconds=20.0)

ADAPTER = """
from walcrash.subjects.adapter import Adapter


class Subject(Adapter):
    def open(self, directory, effect):
        (directory / "log").write_text("half")
        raise RuntimeError("the log is torn")

    def append(self, record):
        return 0

    def replay(self, from_offset):
        return []

    def end(self):
        return 0

    def close(self):
        pass
"""

DRIVER = """#!{python}
import json, os, sys

for line in sys.stdin:
    form = {{"ok": True, "protocol": 1, "name": "torn", "version": "1", "supports": []}}
    if os.path.basename(sys.argv[-1]) == "subject":
        form = {{"ok": False, "error": "the log is torn"}}
    print(json.dumps(form), flush=True)
    if json.loads(line)["do"] == "close":
        break
"""


@pytest.fixture(params=["on", "off"])
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return a sandbox with interception, and one without."""
    monkeypatch.setenv(INTERCEPTION, request.param)
    with Sandbox() as made:
        yield made


def adapter(directory: Path) -> SubjectSpec:
    path = directory / "subject.py"
    path.write_text(ADAPTER)
    return SubjectSpec(f"{path}:Subject")


def driver(directory: Path) -> SubjectSpec:
    path = directory / "driver"
    path.write_text(DRIVER.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return SubjectSpec.of_driver([str(path)])


@pytest.mark.parametrize("make", [adapter, driver])
def test_a_boot_whose_open_refuses_has_exited_and_not_hung(
    make: Callable[[Path], SubjectSpec], sandbox: Sandbox, tmp_path: Path
) -> None:
    """The kills that are planned for it come later than its `open`, or after ten minutes."""
    subject = make(tmp_path)
    sandbox.load(subject, LIMITS)
    kills: list[End | None] = [None, KillTimer(600_000_000)]
    if os.environ[INTERCEPTION] == "on":
        kills.append(CrashPoint.after_call(1))
    for kill in kills:
        boot = watch_boot(sandbox, subject, LIMITS, BootPlan(OPERATIONS, kill), number=1)
        assert boot.recording.end is WatchEnd.EXITED, kill
        assert (boot.history.end, boot.landing, boot.can_go_on) == (BootEnd.DIED, None, False)
        (call,) = boot.history.calls
        assert call.outcome is Outcome.REFUSED
        assert isinstance(boot.history.recovery, RecoveryFailure)
        assert boot.history.recovery.kind is FailureKind.REFUSED
        assert "the log is torn" in boot.history.recovery.message
        assert "seconds" not in boot.history.recovery.message
