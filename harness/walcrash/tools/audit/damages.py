"""Damage at rest in one case: what its last boot left is damaged, and each image is recovered.

All kinds of damage and all files are tried in turns, whether or not the contract says that damage
is noticed: the audit says what is.

Not here: which damage there is (`walcrash.disk.rot`), what is silent (`oracle.silent_rot`).
"""

from dataclasses import replace
from itertools import islice
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.judging import CaseJudge
from walcrash.case.power_loss import LossSearch
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.rot_search import versions_of
from walcrash.case.sandbox import Sandbox
from walcrash.disk.rot import Rotten, rotten_images
from walcrash.recorder.tree import capture
from walcrash.tools.audit.sites import steady_name
from walcrash.values.audit_faults import DamageAudit, FaultAudit, Notice
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Damage
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootHistory, History, Recoveries
from walcrash.values.image import Image
from walcrash.values.recovery import Recovery, RecoveryFailure
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.verdict import Invariant, Judgement, Verdict

# limits
DAMAGED_IMAGES: Final = 80
"""Damaged images of one case."""


def audit_damages(sandbox: Sandbox, stored: StoredCase) -> FaultAudit:
    """Damage what a case leaves, in one way after the other.

    Args:
        sandbox: where it runs.
        stored: the case; its last boot is closed.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
        ScenarioError: the subject cannot be loaded.
    """
    stored = _closed(stored)
    boots = _run(sandbox, stored)
    if boots is None:
        return FaultAudit()
    runs, judge = RecoveryRuns(sandbox, stored, is_fresh=False), CaseJudge(sandbox, stored)
    fresh_runs = RecoveryRuns(sandbox, stored, is_fresh=True)

    def judged(by: RecoveryRuns, found: Rotten) -> tuple[Recoveries, Judgement]:
        recoveries = by.damaged(found.image, found.rotted, is_worked_on=lambda _: False)
        return recoveries, judge.judge(History(boots.histories(), recoveries))

    image, versions = capture(sandbox.directory), versions_of(boots)
    whole = runs.restored(image)
    if judge.judge(History(boots.histories(), whole)).verdict is not Verdict.PASS:
        return FaultAudit()
    prng = Prng(derive_seed(stored.case.seed, "damages"))
    audit = FaultAudit()
    every = rotten_images(image, versions, kinds=(), files="", prng=prng)
    for found in islice(every, DAMAGED_IMAGES):
        recoveries, judgement = judged(runs, found)
        if judgement.verdict is Verdict.FAIL:
            # What is told of a subject comes of no process that is shared or copied.
            sandbox.end_shared_recoverers()
            recoveries, judgement = judged(fresh_runs, found)
        damage = found.rotted.damage
        one = DamageAudit(
            file=steady_name(damage.path),
            kind=damage.kind,
            notices=(_notice(whole.first, recoveries.first, judgement),),
            violation=next(iter(judgement.violations), None),
        )
        audit += FaultAudit(damages=(one,))
    return audit


def _closed(stored: StoredCase) -> StoredCase:
    """Return a case whose last boot is closed, under a contract that notices damage."""
    boots, contract = stored.case.boots, stored.contract
    last = replace(boots[-1], crash=None)
    return replace(
        stored,
        case=replace(stored.case, boots=(*boots[:-1], last)),
        contract=replace(contract, detects=contract.detects | {Damage.ROT}),
        invariants=stored.invariants | {Invariant.SILENT_ROT},
    )


def _run(sandbox: Sandbox, stored: StoredCase) -> CaseBoots | None:
    """Run a case's boots; None where they do not come to their end."""
    boots = CaseBoots(sandbox, stored)
    for plan in stored.case.boots:
        if not boots.run(plan).can_go_on or boots.unmodelled():
            return None
        if isinstance(plan.crash, PowerLoss):
            recorded = boots.as_power_finds()
            search = LossSearch(
                recorded, stored.contract.model, recover=_not_recovered, judge=_not_judged
            )
            boots.go_on_from(recorded, search.draw(Prng(plan.crash.seed)))
    return boots


def _notice(
    whole: Recovery | RecoveryFailure, shown: Recovery | RecoveryFailure, judgement: Judgement
) -> Notice:
    """Return what a recovery made of damage."""
    if judgement.verdict is Verdict.FAIL:
        return Notice.SILENT
    if isinstance(shown, RecoveryFailure) or shown.undecodable:
        return Notice.REPORTED
    assert isinstance(whole, Recovery), "what was not damaged was recovered"
    is_same = [each.record for each in shown.records] == [each.record for each in whole.records]
    return Notice.HARMLESS if is_same else Notice.LESS


def _not_recovered(_: Image) -> Recoveries:
    raise AssertionError("an image that other boots go on from is not recovered by itself")


def _not_judged(_: BootHistory, __: Recoveries) -> Judgement:
    raise AssertionError("an image that other boots go on from is not judged")
