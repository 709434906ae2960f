"""What a job process keeps for all its cases: its sandbox."""

import multiprocessing.util
from functools import cache

from walcrash.case.case_run import CaseRun
from walcrash.case.runner import run_case_fresh
from walcrash.case.sandbox import Sandbox
from walcrash.values.case_file import StoredCase


@cache
def job_sandbox() -> Sandbox:
    """Return this job's sandbox, which lives as long as the process."""
    sandbox = Sandbox()
    multiprocessing.util.Finalize(sandbox, sandbox.close, exitpriority=10)
    return sandbox


def replay_case(stored: StoredCase) -> CaseRun:
    """Run a stored case with every recovery in a process of its own.

    Raises:
        WalcrashError: as `prepare`.
    """
    return run_case_fresh(job_sandbox(), stored)
