"""Descendants: what a process started, and what that started in turn, is found and killed.

A process that adopts orphans becomes the parent of everything below it whose own parent is gone,
also of daemons that have detached themselves. So it can end all descendants, one generation after
the other, without knowing what they were.

This module is loaded into every worker and asked after every recovery, so it reads `/proc` itself;
decision 0035 has the figures.

Not here: how the harness kills a tree that is not its own (`process_tree`).

Source: `prctl(2)`, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG; `proc(5)`,
/proc/pid/task/tid/children.
"""

import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36

FAILED_STATUS: Final = 70
"""Exit status of a fork that could not do what it was made for."""

# limits
_KILL_ROUNDS: Final = 1000
"""How often the children are listed again before giving up on a fork bomb."""

libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of all descendants that lose theirs."""
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Be killed when the thread that forked this process is gone; end at once where it is already.

    Args:
        parent: the process of that thread, as it was known before the fork.
    """
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(FAILED_STATUS)


def kill_children(
    *, keep: frozenset[int] = frozenset(), doom: Callable[[int], object] | None = None
) -> dict[int, int]:
    """Kill and reap what hangs on this process, also what its children left behind.

    Args:
        keep: children that go on.
        doom: is told each process before that is killed.

    Returns:
        The wait status of each process that was reaped.
    """
    statuses: dict[int, int] = {}
    for _ in range(_KILL_ROUNDS):
        doomed = [pid for pid in _children() if pid not in keep]
        if not doomed:
            break
        for pid in doomed:
            if doom is not None:
                doom(pid)
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(OSError):
                    kill(pid, signal.SIGKILL)
        for pid in doomed:
            with contextlib.suppress(ChildProcessError):
                statuses[pid] = os.waitpid(pid, 0)[1]
    return statuses


def below(pid: int) -> list[int]:
    """Return all that a process started, and what that started in turn; none where it is gone."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        with contextlib.suppress(OSError):
            each = waiting.pop()
            for task in os.listdir(f"/proc/{each}/task"):
                children = _children_of(each, task)
                found += children
                waiting += children
    return found


def _children() -> list[int]:
    """Return the children of the main thread, which makes all of them."""
    pid = os.getpid()
    return _children_of(pid, pid)


def _children_of(pid: int, task: int | str) -> list[int]:
    # Asked for after every recovery: a text file would take longer to open than to read.
    with open(f"/proc/{pid}/task/{task}/children", "rb", buffering=0) as listing:
        return [int(child) for child in listing.read().split()]


@contextlib.contextmanager
def ending_here() -> Iterator[None]:
    """End this process with the block, whatever happens in it: what comes next is its parent's."""
    status = FAILED_STATUS
    try:
        yield
        status = 0
    except BaseException:
        # The worker may have closed stderr, or have no memory left for a traceback.
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
