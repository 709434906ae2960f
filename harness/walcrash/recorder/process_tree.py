"""Process trees as the harness kills them: a worker with all below it, or all below a zygote.

Not here: how a process ends what hangs on itself (`descendants`), which is loaded into every
worker and does without psutil.

Source: `psutil.Process.children`.
"""

import contextlib
import os
import signal
import time
from typing import Final

import psutil

# limits
KILL_ROUNDS: Final = 100
"""How often a worker's tree is listed again; the zygote kills what is left after that."""

ZYGOTE_ROUNDS: Final = 1000
"""How often what hangs on a zygote is listed again before giving up on a fork bomb."""

KILL_PAUSE_SECONDS: Final = 0.01
"""How long what was killed below a zygote is given to be gone before it is listed again."""


def kill_tree(pid: int) -> None:
    """Kill a worker with all that it started, its group first and at once."""
    tree: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        worker = psutil.Process(pid)
        tree = [worker, *worker.children(recursive=True)]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for _ in range(KILL_ROUNDS):
        if not tree:
            return
        found: set[psutil.Process] = set()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                # Before its parent is gone: afterwards nobody knows whose child it was.
                found.update(process.children(recursive=True))
                process.kill()
        tree = list(found - set(tree))


def kill_below(pid: int) -> None:
    """Kill what hangs on a zygote that does not do so itself: it is stopped, or far too slow.

    The zygote takes in the orphans, so they are found below it again, and is left to reap them.
    """
    for _ in range(ZYGOTE_ROUNDS):
        alive = [process for process in _below(pid) if _is_alive(process)]
        if not alive:
            return
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(KILL_PAUSE_SECONDS)


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False
