"""Later boots of a case: what becomes of its last image in a dozen boots more.

They are run as recoveries are, without a recorder, and held against the rules as boots of the case.
Where they fail, the case with these boots in it is run under watch, as far as the first boot that
shows it: that is the case which is confirmed, stored, made smaller and explained.

A log may have a limit, and these boots append more than a scenario asks for. So a boot that
refuses an append for certain is not judged, nor one that refuses any behind so much; nor are those
after it.

Not here: what the boots do (`walcrash.workload.later_boots`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from walcrash.case.judging import CaseJudge
from walcrash.case.recovery_runs import JUST_KILLED, RecoveryRuns, recovery_of
from walcrash.case.sandbox import Sandbox
from walcrash.recorder.tree import restore
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.history import BootEnd, BootHistory, History, Outcome, Recoveries
from walcrash.values.image import Image
from walcrash.values.recovery import Recovery, RecoveryFailure
from walcrash.values.verdict import Judgement, Verdict
from walcrash.workload.later_boots import GROWN_BOOT


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterBoots:
    """What later boots showed.

    Attributes:
        starts: how often the subject was started.
        judgement: how they failed; None where they did not.
        plans: those that lead to the failure; empty where there is none.
    """

    starts: int
    judgement: Judgement | None = None
    plans: tuple[BootPlan, ...] = ()


def run_later_boots(
    sandbox: Sandbox,
    stored: StoredCase,
    boots: tuple[BootHistory, ...],
    image: Image,
    plans: Sequence[BootPlan],
) -> LaterBoots:
    """Go on with a case that has passed.

    Args:
        sandbox: where the subject is loaded; its directory is used.
        stored: the case.
        boots: its history.
        image: what its last boot left.
        plans: what is done next.

    Raises:
        OSError: the directory cannot be used.
        TimeOver: there is no time left.
    """
    runs = RecoveryRuns(sandbox, stored, is_fresh=False)
    restore(image, sandbox.directory)
    later: list[BootHistory] = []
    last: Recovery | RecoveryFailure | None = None
    for number, plan in enumerate(plans):
        boot = runs.boot(plan)
        recovery = recovery_of(boot)
        is_over = isinstance(recovery, RecoveryFailure)
        if is_over or _may_be_at_a_limit(boot, has_grown=number >= GROWN_BOOT):
            last = recovery
            break
        later.append(boot)
        if boot.end is BootEnd.DIED:
            break
    if last is None:
        last = recovery_of(runs.boot(JUST_KILLED))
    judged = partial(_judgement, CaseJudge(sandbox, stored), boots, later, last)
    whole = judged(len(later))
    if whole.verdict is not Verdict.FAIL:
        return LaterBoots(starts=runs.recoveries)
    # The fewest that show a failure: what comes after it follows from it.
    count = next(n for n in range(len(later) + 1) if judged(n).verdict is Verdict.FAIL)
    return LaterBoots(starts=runs.recoveries, judgement=judged(count), plans=tuple(plans[:count]))


def is_reproducible(plan: BootPlan) -> bool:
    """Whether a boot ends at the same place when it is run again: not where a timer ends it."""
    return plan.crash is None or plan.crash.needs_interception


def _judgement(
    oracle: CaseJudge,
    boots: Sequence[BootHistory],
    later: Sequence[BootHistory],
    last: Recovery | RecoveryFailure,
    count: int,
) -> Judgement:
    """Judge a case that goes on with so many later boots."""
    first = last if count == len(later) else recovery_of(later[count])
    return oracle.judge(History((*boots, *later[:count]), Recoveries(first=first)))


def _may_be_at_a_limit(boot: BootHistory, *, has_grown: bool) -> bool:
    """Whether a boot refused an append as a subject may that has no room left."""
    refusals = {call.outcome for call in boot.calls if call.operation.record is not None}
    limits = {Outcome.REFUSED_DEFINITE} | ({Outcome.REFUSED} if has_grown else set())
    return bool(refusals & limits)
