"""Evidence as a job process makes it, of a case that it runs or of a run that was."""

from dataclasses import replace

from harness.campaign import jobs
from harness.campaign.case_file import StoredCase
from harness.campaign.case_runner import CaseRun, run_case_fresh
from harness.campaign.evidence import Evidence, complete, pack
from harness.campaign.looks import Looks
from harness.oracle import judge
from harness.values.history import History, Recoveries
from harness.values.recovery import RecoveryFailure


def gather(stored: StoredCase) -> Evidence:
    """Run a case in fresh processes, in this job's workplace, and keep what it leaves.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    workplace = jobs.job_workplace()
    return complete(workplace, stored, run_case_fresh(workplace, stored))


def pack_run(stored: StoredCase, run: CaseRun) -> str:
    """Return a run that was made elsewhere as packed evidence.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    workplace = jobs.job_workplace()
    workplace.load(stored.subject, stored.limits)
    return pack(complete(workplace, stored, run))


def look_again(stored: StoredCase, evidence: Evidence) -> CaseRun:
    """Recover the evidence's own image in this job's workplace, and judge what that shows.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    assert evidence.before is not None, "there is an image to look at"
    workplace = jobs.job_workplace()
    workplace.load(stored.subject, stored.limits)
    workplace.end_recoverers()
    boots = evidence.run.history.boots
    last = boots[-1].recovery
    if isinstance(last, RecoveryFailure):
        recoveries = Recoveries(first=last)
    else:
        recoveries = Looks(workplace, stored, is_fresh=True).restored(evidence.before)
    history = History(boots, recoveries)
    judgement = judge(
        stored.contract, history, supports=stored.supports, invariants=stored.invariants
    )
    return replace(evidence.run, history=history, judgement=judgement, image=evidence.before)
