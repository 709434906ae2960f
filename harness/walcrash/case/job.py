"""What a job process keeps for all its cases: its sandbox, and when its work has to end."""

import multiprocessing.util
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.case.runner import run_case_fresh
from walcrash.case.sandbox import Sandbox
from walcrash.values.case_file import StoredCase

T = TypeVar("T")


@cache
def job_sandbox() -> Sandbox:
    """Return this job's sandbox, which lives as long as the process."""
    sandbox = Sandbox()
    multiprocessing.util.Finalize(sandbox, sandbox.close, exitpriority=10)
    return sandbox


def run_until(deadline: Deadline, work: Callable[[], T]) -> T:
    """Have work done that has to end in this job's sandbox by then.

    Raises:
        TimeOver: it did not end by then.
        Exception: whatever it raised.
    """
    deadline.check()
    sandbox = job_sandbox()
    sandbox.deadline = deadline
    try:
        return work()
    finally:
        sandbox.deadline = NO_DEADLINE


def replay_case(stored: StoredCase) -> CaseRun:
    """Run a stored case with every recovery in a process of its own.

    Raises:
        WalcrashError: as `prepare`.
    """
    return run_case_fresh(job_sandbox(), stored)
