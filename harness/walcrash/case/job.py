"""What a job process keeps for all its cases: its workplace."""

import multiprocessing.util
from functools import cache

from walcrash.case.runner import CaseRun, run_case_fresh
from walcrash.case.workplace import Workplace
from walcrash.values.case_file import StoredCase


@cache
def job_workplace() -> Workplace:
    """Return this job's workplace, which lives as long as the process."""
    workplace = Workplace()
    multiprocessing.util.Finalize(workplace, workplace.close, exitpriority=10)
    return workplace


def replay_case(stored: StoredCase) -> CaseRun:
    """Run a stored case with every recovery in a process of its own.

    Raises:
        WalcrashError: as `prepare`.
    """
    return run_case_fresh(job_workplace(), stored)
