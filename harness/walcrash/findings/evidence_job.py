"""Evidence as a job process makes it, of a case that it runs or of a run that was."""

from dataclasses import replace

from walcrash.case import runner as case_runner
from walcrash.case.case_run import CaseRun
from walcrash.case.job import job_sandbox
from walcrash.case.runner import run_case_fresh
from walcrash.findings.evidence import Evidence, complete, pack
from walcrash.values.case_file import StoredCase


def gather(stored: StoredCase) -> Evidence:
    """Run a case in fresh processes, in this job's sandbox, and keep what it leaves.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    sandbox = job_sandbox()
    return complete(sandbox, stored, run_case_fresh(sandbox, stored))


def pack_run(stored: StoredCase, run: CaseRun) -> str:
    """Return a run that another job made as packed evidence.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    sandbox = job_sandbox()
    sandbox.load(stored.subject, stored.limits)
    return pack(complete(sandbox, stored, run))


def recheck(stored: StoredCase, evidence: Evidence) -> CaseRun:
    """Recover the evidence's own image in this job's sandbox, and judge what that shows.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    sandbox = job_sandbox()
    sandbox.load(stored.subject, stored.limits)
    run = replace(evidence.run, image=evidence.before)
    return case_runner.recheck(sandbox, stored, run)
