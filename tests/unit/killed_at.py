"""A sandbox whose process is killed at an exact line while it starts; run as a program.

For each line of `MODULES` that `Sandbox()` runs, in their order, a fork of this program is killed
right before that line. When all processes that it had started are gone, the line and the names that
are left in `WALCRASH_WORK` go to stdout as one JSON line. The last one is killed at its end.

Not here: what must hold of it (`test_working_directory`).
"""

import json
import os
import signal
import sys
from types import FrameType

from walcrash.case.sandbox import Sandbox
from walcrash.recorder.descendants import adopt_orphans

MODULES = ("recorder/working_directory.py", "recorder/keeper.py", "case/sandbox.py")

# limits
SECONDS = 60
"""How long all of it may take."""

LINES = 500
"""How many lines are tried at most."""


def main() -> None:
    # Whatever a fork leaves is a child of this process then, and can be waited for.
    adopt_orphans()
    signal.alarm(SECONDS)
    for number in range(1, LINES):
        where = killed_before(number)
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        print(json.dumps([where, os.listdir(os.environ["WALCRASH_WORK"])]), flush=True)
        if where == "the end":
            return


def killed_before(number: int) -> str:
    """Fork a process that is killed before its line of this number; return where that was."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        sys.settrace(LineCounter(number, writing).trace)
        Sandbox()
        os.write(writing, b"the end")
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    with open(reading, encoding="utf-8") as told:
        return told.read()


class LineCounter:
    """Counts lines of `MODULES`, and kills this process before the one that it is told."""

    def __init__(self, deadly: int, told: int) -> None:
        self._deadly = deadly
        self._told = told
        self._count = 0

    def trace(self, frame: FrameType, event: str, _: object) -> object:
        if not frame.f_code.co_filename.endswith(MODULES):
            return None
        if event == "line":
            self._count += 1
            if self._count == self._deadly:
                name = os.path.basename(frame.f_code.co_filename)
                os.write(self._told, f"{name}:{frame.f_lineno}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


if __name__ == "__main__":
    main()
