"""Damage at rest, searched: what the last boot left, with one damage after the other.

Each damaged image is recovered once and judged. The first that fails ends the search, and its case
names the damage; where none does, the case passes.

Not here: which damage there is (`walcrash.disk.rot`), what it means (`walcrash.oracle.silent_rot`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from walcrash.case.boots import CaseBoots
from walcrash.case.case_run import CaseRun
from walcrash.disk.rot import Rotten, rotten, rotten_images
from walcrash.disk.versions import Versions
from walcrash.values.case import Case
from walcrash.values.faults import PowerLoss, Rot
from walcrash.values.history import Recoveries
from walcrash.values.image import Image
from walcrash.values.seed import Prng
from walcrash.values.verdict import Judgement, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRot:
    """One damaged image, recovered and judged."""

    fault: Rot
    image: Image
    recoveries: Recoveries
    judgement: Judgement


def rot_of(case: Case) -> Rot | None:
    """Return the damage that is done to what the last boot leaves; None if none is."""
    last = len(case.boots) - 1
    faults = (fault for fault in case.faults_in(last) if isinstance(fault, Rot))
    return next(faults, None)


def with_damage(run: CaseRun, fault: Rot) -> CaseRun:
    """Return a run whose case names the damage."""
    faults = (*(each for each in run.case.faults if not isinstance(each, Rot)), fault)
    return replace(run, case=replace(run.case, faults=faults))


def search_rot(
    fault: Rot,
    image: Image,
    versions: Versions,
    *,
    recover: Callable[[Rotten], Recoveries],
    judge: Callable[[Recoveries], Judgement],
) -> JudgedRot | None:
    """Judge damaged images until one fails; return that, or the last; None if there is none.

    Args:
        fault: the damage, named or to be drawn.
        image: what the last boot left.
        versions: its files, as the events made them.
        recover: puts an image into the directory and recovers it.
        judge: judges what a recovery showed.
    """
    judged = None
    for found in _images(fault, image, versions):
        recoveries = recover(found)
        judged = JudgedRot(
            fault=replace(fault, damage=found.rotted.damage),
            image=found.image,
            recoveries=recoveries,
            judgement=judge(recoveries),
        )
        if judged.judgement.verdict is Verdict.FAIL:
            break
    return judged


def _images(fault: Rot, image: Image, versions: Versions) -> Iterator[Rotten]:
    if fault.damage is not None:
        found = rotten(image, versions, fault.damage)
        return iter([] if found is None else [found])
    every = rotten_images(
        image, versions, kinds=fault.damages, files=fault.files, prng=Prng(fault.seed)
    )
    return islice(every, fault.images)


def versions_of(boots: CaseBoots) -> Versions:
    """Return the files that a case's boots left, with who wrote their bytes.

    A power loss leaves an image, of which no more is known than which boot was the last.
    """
    base, since = boots.since_power()
    last = len(boots.watched)
    if isinstance(boots.watched[-1].plan.crash, PowerLoss):
        return Versions(base, last)
    versions = Versions(base, last - len(since))
    for number, boot in enumerate(since, start=last - len(since) + 1):
        versions.take_boot(number, boot.events())
    return versions
