"""Damage between two boots: what one boot left goes bad, and the next ones go on working on it.

The boots behind the damage are watched as any others, and end as they are to: so later work on
damaged files is judged, also where a crash cuts it short. A few damages are tried in one case, one
after the other, each with boots of its own; the first that fails ends the case, which names it.

What is damaged is durable: a disk that returns other bytes has no older ones.

Not here: damage to what the last boot left (`rot_search`), which damage there is
(`walcrash.disk.rot`), what is judged behind it (`walcrash.oracle.walk`).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.rot_search import has_hung, is_report, named_damage
from walcrash.disk.rot import Rotten, rotten_images
from walcrash.disk.versions import Versions
from walcrash.values.case import Case
from walcrash.values.damage import DamageAtRest, DamageKind
from walcrash.values.fault_matrix import DamageRow, FaultMatrix, FaultOutcome
from walcrash.values.faults import Rot
from walcrash.values.history import BootHistory
from walcrash.values.image import Image
from walcrash.values.recovery import Recovery
from walcrash.values.role import role_of
from walcrash.values.seed import Prng
from walcrash.values.verdict import Verdict

# limits
SKIPPED: Final = 8
"""Of each kind of damage the first one that is tried is one of so many, in an order drawn."""


def rot_between(case: Case) -> Rot | None:
    """Return the damage that falls between two boots of a case; None if none does."""
    last = len(case.boots) - 1
    found = (fault for fault in case.faults if isinstance(fault, Rot) and fault.boot < last)
    return next(found, None)


def damages_between(fault: Rot, image: Image, versions: Versions) -> Iterator[Rotten]:
    """Yield damaged images, at most as many as the fault says; the one that it names alone.

    The kinds take turns, in an order that is drawn.
    """
    if fault.damage is not None:
        return named_damage(fault.damage, image, versions)
    return islice(_in_turns(fault, image, versions), fault.images)


def _in_turns(fault: Rot, image: Image, versions: Versions) -> Iterator[Rotten]:
    prng = Prng(fault.seed)
    kinds = prng.shuffled(fault.damages or tuple(DamageKind))
    turns = []
    for kind in kinds:
        every = rotten_images(image, versions, kinds=(kind,), files=fault.files, prng=prng)
        # A kind that has few is not skipped to its end.
        head = list(islice(every, SKIPPED))
        start = prng.below(len(head)) if head else 0
        turns.append(_chained(head[start:], every, head[:start]))
    while turns:
        for turn in list(turns):
            found = next(turn, None)
            if found is None:
                turns.remove(turn)
            else:
                yield found


def _chained(first: list[Rotten], rest: Iterator[Rotten], last: list[Rotten]) -> Iterator[Rotten]:
    yield from first
    yield from rest
    yield from last


def with_damage_between(
    run: CaseRun,
    fault: Rot,
    damage: DamageAtRest,
    *,
    recover: Callable[[], Recovery | None],
    is_judged: bool,
) -> CaseRun:
    """Return a run with what a damage came to; where it failed, its case names the damage.

    Args:
        run: the case with boots behind the damage.
        fault: what asked for it.
        damage: what was damaged.
        recover: returns what the undamaged files show; None if they show nothing.
        is_judged: whether the contract says that damage is noticed.
    """
    outcome = _outcome(run, fault.boot + 1, recover, is_judged=is_judged)
    row = DamageRow(role=role_of(damage.path), struck={damage.kind.value: {outcome: 1}})
    run = replace(run, damaged=FaultMatrix.sum([run.damaged, FaultMatrix(damaged=(row,))]))
    if run.verdict is not Verdict.FAIL:
        return run
    named = replace(fault, damage=damage)
    faults = tuple(named if each == fault else each for each in run.case.faults)
    return replace(run, case=replace(run.case, faults=faults))


def _outcome(
    run: CaseRun, behind: int, recover: Callable[[], Recovery | None], *, is_judged: bool
) -> FaultOutcome:
    """Return what became of a damage; `behind` is the first boot after it, counted from 0."""
    boots = run.history.boots[behind:]
    shown = [*(boot.recovery for boot in boots), run.history.recoveries.first]
    if run.verdict is Verdict.INCONCLUSIVE:
        return FaultOutcome.UNJUDGED
    if run.verdict is Verdict.FAIL:
        return FaultOutcome.HUNG if any(map(has_hung, shown)) else FaultOutcome.WRONG
    if any(map(is_report, shown)):
        return FaultOutcome.REPORTED
    if not is_judged:
        return FaultOutcome.UNJUDGED
    first, whole = _first_shown(boots), recover()
    is_same = whole is not None and first is not None and whole.records == first.records
    return FaultOutcome.UNHARMED if is_same else FaultOutcome.SHORTER


def _first_shown(boots: tuple[BootHistory, ...]) -> Recovery | None:
    shown = boots[0].recovery if boots else None
    return shown if isinstance(shown, Recovery) else None
