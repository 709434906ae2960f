"""A driver that notes in a file which processes it has, and a sandbox that recovers it.

Not here: the drivers themselves, which differ from test to test.
"""

import sys
from pathlib import Path

import psutil

from walcrash.case.recovery_runs import OPEN
from walcrash.case.sandbox import Sandbox
from walcrash.values.history import BootHistory
from walcrash.values.operation import Operation
from walcrash.values.recovery import Recovery
from walcrash.values.scenario import RecoveryLimits, SubjectSpec


class NotingDriver:
    """A driver: a program that gets the file of its process ids, a way and its directory.

    Args:
        sandbox: what it is loaded into.
        program: its text, in Python.
        way: what it does.
        folder: an empty one of its own.
        loaded_as: the way that it has when it is loaded, where its own does not open.
    """

    def __init__(
        self, sandbox: Sandbox, program: str, way: str, folder: Path, *, loaded_as: str = ""
    ) -> None:
        path = folder / "driver.py"
        path.write_text(program, encoding="utf-8")
        self._pids = folder / "pids"
        self._sandbox = sandbox
        words = (sys.executable, "-I", "-S", str(path), str(self._pids))
        self.subject = SubjectSpec.of_driver([*words, way])
        loaded = SubjectSpec.of_driver([*words, loaded_as or way])
        sandbox.assume(self.subject, sandbox.load(loaded, RecoveryLimits(seconds=10.0)))
        self._pids.write_text("")

    def look(
        self, *operations: Operation, seconds: float = 10.0, is_copied: bool = False
    ) -> BootHistory:
        return self._sandbox.recover(
            self.subject,
            (OPEN, *operations),
            RecoveryLimits(seconds=seconds),
            is_forked=True,
            is_copied=is_copied,
        )

    def started(self) -> list[int]:
        return [int(word) for word in self._pids.read_text().split()]

    def running(self) -> list[int]:
        return [pid for pid in self.started() if psutil.pid_exists(pid)]


def shown(boot: BootHistory) -> int:
    """Return how many records a boot's recovery showed."""
    assert isinstance(boot.recovery, Recovery), boot.recovery
    return len(boot.recovery.records)
