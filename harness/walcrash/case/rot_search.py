"""Damage at rest, searched: what the last boot left, with one damage after the other.

Each damaged image is recovered and judged; some of each kind and file are worked on, and what that
leaves is recovered as well. The first that fails ends the search, and its case
names the damage; where none does, the case passes.

What a damaged image shows is held beside what it shows undamaged, so that a run can say of how many
the records were the same.

Not here: which damage there is (`walcrash.disk.rot`), what it means (`walcrash.oracle.silent_rot`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.case_run import CaseRun
from walcrash.disk.rot import Rotten, rotten, rotten_images
from walcrash.disk.versions import Versions
from walcrash.values.case import Case
from walcrash.values.damage import DamageAtRest, DamageKind, Rotted
from walcrash.values.fault_matrix import NO_FAULTS, DamageRow, FaultMatrix, FaultOutcome
from walcrash.values.faults import PowerLoss, Rot
from walcrash.values.faults.nth_call import is_named
from walcrash.values.history import Recoveries
from walcrash.values.image import FileEntry, Image
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.role import role_of
from walcrash.values.seed import Prng
from walcrash.values.verdict import Judgement, Verdict

# limits
WORKED_ON: Final = 1
"""So many damaged images of each kind and file, that show as many records, are worked on."""

WORKED_ON_ONE_IN: Final = 4
"""And one of so many others."""

WorksOn = Callable[[Recovery], bool]
"""Whether a boot with new records follows a recovery that shows this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRot:
    """One damaged image, recovered and judged; `damaged` counts it and those before it."""

    fault: Rot
    image: Image
    recoveries: Recoveries
    judgement: Judgement
    damaged: FaultMatrix = NO_FAULTS


def rot_of(case: Case) -> Rot | None:
    """Return the damage that is done to what the last boot leaves; None if none is."""
    last = len(case.boots) - 1
    faults = (fault for fault in case.faults_in(last) if isinstance(fault, Rot))
    return next(faults, None)


def with_damage(run: CaseRun, judged: JudgedRot) -> CaseRun:
    """Return a run with what damage came to; where it failed, its case names the damage."""
    run = replace(run, damaged=judged.damaged)
    # The search goes on from a case that passed: it names no damage then.
    if judged.judgement.verdict is not Verdict.FAIL:
        return run
    faults = (*(each for each in run.case.faults if not isinstance(each, Rot)), judged.fault)
    return replace(run, case=replace(run.case, faults=faults))


def search_rot(
    fault: Rot,
    image: Image,
    versions: Versions,
    *,
    recover: Callable[[Image, Rotted | None, WorksOn], Recoveries],
    judge: Callable[[Recoveries], Judgement],
    is_judged: bool,
) -> JudgedRot | None:
    """Judge damaged images until one fails; return that, or the last; None if there is none.

    Args:
        fault: the damage, named or to be drawn.
        image: what the last boot left.
        versions: its files, as the events made them.
        recover: puts an image into the directory and recovers it; told what is worked on.
        judge: judges what a recovery showed.
        is_judged: whether the contract says that damage is noticed.
    """
    judged, outcomes = None, _Outcomes(image, recover, is_judged=is_judged)
    every = _images(fault, image, versions)
    work = _Work(is_due=is_judged, is_always=fault.damage is not None)
    for found in islice(every, fault.images):
        damage = found.rotted.damage
        recoveries = recover(found.image, found.rotted, work.of(damage))
        judged = JudgedRot(
            fault=replace(fault, damage=damage),
            image=found.image,
            recoveries=recoveries,
            judgement=judge(recoveries),
        )
        outcomes.add(damage, judged)
        if judged.judgement.verdict is Verdict.FAIL:
            break
    if judged is None:
        return None
    # Where no image is left, what was not tried cannot be.
    left = () if fault.damage is not None else _asked(fault, image) if any(every) else ()
    return replace(judged, damaged=outcomes.rows(left))


class _Work:
    """Which recoveries of damaged images are worked on: those that show something new, and some."""

    def __init__(self, *, is_due: bool, is_always: bool) -> None:
        """Begin a case; `is_due` is whether any work is judged."""
        self._is_due = is_due
        self._is_always = is_always
        self._seen: Counter[tuple[str, DamageKind, int, int]] = Counter()
        self._shown = 0

    def of(self, damage: DamageAtRest) -> WorksOn:
        """Return what says whether a recovery after some damage is worked on."""

        def is_worked_on(first: Recovery) -> bool:
            shown = (len(first.records), len(first.undecodable))
            key = (role_of(damage.path), damage.kind, *shown)
            self._seen[key] += 1
            self._shown += 1
            is_new = self._seen[key] <= WORKED_ON or self._shown % WORKED_ON_ONE_IN == 0
            return self._is_due and (is_new or self._is_always)

        return is_worked_on


def _never(_: Recovery) -> bool:
    return False


class _Outcomes:
    """What came of the damaged images of one case."""

    def __init__(
        self,
        image: Image,
        recover: Callable[[Image, Rotted | None, WorksOn], Recoveries],
        *,
        is_judged: bool,
    ) -> None:
        self._image = image
        self._recover = recover
        self._is_judged = is_judged
        self._whole: Recovery | RecoveryFailure | None = None
        self._counts: Counter[tuple[str, DamageKind, FaultOutcome]] = Counter()

    def add(self, damage: DamageAtRest, judged: JudgedRot) -> None:
        """Count a damaged image."""
        role = role_of(damage.path)
        self._counts[role, damage.kind, self._outcome(judged)] += 1

    def rows(self, left: Iterable[tuple[str, DamageKind]]) -> FaultMatrix:
        """Return the rows; `left` are the kinds of damage that may be left to try."""
        parts = [
            DamageRow(role=role, struck={kind.value: {outcome: count}})
            for (role, kind, outcome), count in self._counts.items()
        ]
        parts += [DamageRow(role=role, never=(kind.value,)) for role, kind in left]
        return FaultMatrix.sum(FaultMatrix(damaged=(part,)) for part in parts)

    def _outcome(self, judged: JudgedRot) -> FaultOutcome:
        shown = judged.recoveries.first
        if judged.judgement.verdict is Verdict.FAIL:
            return FaultOutcome.HUNG if has_hung(shown) else FaultOutcome.WRONG
        if is_report(shown):
            return FaultOutcome.REPORTED
        assert isinstance(shown, Recovery), "a failure is a report"
        if not self._is_judged:
            return FaultOutcome.UNJUDGED
        if self._whole is None:
            self._whole = self._recover(self._image, None, _never).first
        whole = self._whole
        is_same = isinstance(whole, Recovery) and whole.records == shown.records
        return FaultOutcome.UNHARMED if is_same else FaultOutcome.SHORTER


def _asked(fault: Rot, image: Image) -> list[tuple[str, DamageKind]]:
    """Return the kinds of damage that are asked for, with the kinds of files that they may hit."""
    roles = {
        role_of(path)
        for path, entry in image.entries.items()
        if isinstance(entry, FileEntry)
        and entry.content
        and (not fault.files or is_named(path, fault.files))
    }
    return [(role, kind) for role in sorted(roles) for kind in fault.damages or DamageKind]


def _images(fault: Rot, image: Image, versions: Versions) -> Iterator[Rotten]:
    if fault.damage is not None:
        return named_damage(fault.damage, image, versions)
    return rotten_images(
        image, versions, kinds=fault.damages, files=fault.files, prng=Prng(fault.seed)
    )


def named_damage(damage: DamageAtRest, image: Image, versions: Versions) -> Iterator[Rotten]:
    """Yield the image with one damage; nothing where that changes nothing."""
    found = rotten(image, versions, damage)
    return iter([] if found is None else [found])


def has_hung(shown: Recovery | RecoveryFailure | None) -> bool:
    """Whether a recovery came to no end."""
    return isinstance(shown, RecoveryFailure) and shown.kind is FailureKind.HUNG


def is_report(shown: Recovery | RecoveryFailure | None) -> bool:
    """Whether a recovery says that something is damaged: it failed, or cannot decode a record."""
    return isinstance(shown, RecoveryFailure) or (shown is not None and bool(shown.undecodable))


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
