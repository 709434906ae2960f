"""What a driver started, and what that started in turn.

Not here: what has lost its parent, which is known to who adopts it (`recorder.descendants`).

Source: `proc_tid_children(5)`, for which see decision 0035.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Final

# limits
_END_SECONDS: Final = 5.0
"""How long what was killed may take to end."""


def started_by(pid: int) -> Iterator[int]:
    """Yield all processes below one, parents before what they started."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as listing:
                for child in map(int, listing.read().split()):
                    yield child
                    yield from started_by(child)


def kill_all(pids: list[int]) -> None:
    """Kill processes that need not be our own, and wait until none of them holds a file or a lock.

    What cannot end, as in a call that hangs, is not waited for longer than a few seconds.
    """
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _END_SECONDS
    while any(map(_is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.001)


def _is_running(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as status:
            return status.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
