"""Evidence: one run of a finding's case with all that it left, so that nobody has to run it again.

The images are what the last crash left, and what the first recovery made of it. A run that is
evidence may be judged again anywhere, since its trace and its history are in it; with the subject
at hand its image may be recovered again, also where the subject's threads make another trace now.
"""

from dataclasses import dataclass, replace

from harness.campaign import jobs
from harness.campaign.case_file import StoredCase
from harness.campaign.case_runner import CaseRun, run_case_fresh
from harness.campaign.crash_aim import Shape, shape_of
from harness.campaign.looks import OPEN, Looks
from harness.campaign.workplace import Workplace
from harness.oracle import judge
from harness.recorder.tree import capture, restore
from harness.values.history import History, Recoveries
from harness.values.image import Image
from harness.values.recovery import RecoveryFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run, and its images.

    Attributes:
        run: traces, history and judgement; how much was covered is left out.
        before: what the last crash left; None where the case ended before.
        after: what the first recovery left there; None where there was none.
    """

    run: CaseRun
    before: Image | None
    after: Image | None


def gather(stored: StoredCase) -> Evidence:
    """Run a case in fresh processes, in this job's workplace, and keep what it leaves.

    Raises:
        WalcrashError: as `run_case_fresh`.
    """
    workplace = jobs.job_workplace()
    run = run_case_fresh(workplace, stored)
    before = run.image
    after = None if before is None else _recovered(workplace, stored, before)
    return Evidence(run=replace(run, coverage=None, beside=None), before=before, after=after)


def _recovered(workplace: Workplace, stored: StoredCase, image: Image) -> Image:
    restore(image, workplace.directory)
    workplace.look(stored.subject, (OPEN,), stored.limits, is_killed=True, is_forked=True)
    return capture(workplace.directory)


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


def has_threads(run: CaseRun) -> bool:
    """Whether several threads acted on the files, so that another run may have another trace."""
    threads = {row[11] for boot in run.boots for row in boot.recording.rows}
    return len(threads) > 1


def has_same_trace(one: CaseRun, other: CaseRun) -> bool:
    """Whether two runs did the same, call by call."""
    return _shapes(one) == _shapes(other)


def _shapes(run: CaseRun) -> list[Shape]:
    return [shape_of(boot.events(), 0) for boot in run.boots]
