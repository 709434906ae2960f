"""Sightings: a finding of a power loss, tried on a real file system.

The finding's smallest case and the case that it was found in are run on the plane in turns, with
and without something that writes back meanwhile, until a real tree breaks the finding's invariant.
Before it counts, that tree is recovered once more in fresh processes.

Not here: a campaign that takes its images from there in the first place (`case.plane_search`).
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from walcrash.blocks.abilities import lacking, lacking_for, trial
from walcrash.blocks.file_systems import find_plane
from walcrash.case.case_run import CaseRun
from walcrash.case.damaged_run import kind_of_run
from walcrash.case.deadline import TimeOver
from walcrash.case.job import job_sandbox
from walcrash.case.plane import BACKGROUNDS, job_plane, kernel_release
from walcrash.case.runner import recheck
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import HarnessFault, Inconclusive
from walcrash.values.faults import PowerLoss
from walcrash.values.finding import Finding
from walcrash.values.persistence import covers
from walcrash.values.sighting import Sight, Sighting
from walcrash.values.verdict import Invariant

LATE: Final = "the time was used up"
"""Why a finding was not tried, where a time budget was over."""

# limits
ROUNDS: Final = 32
"""How often cases are run on the plane, at most."""

IMAGES: Final = 64
"""Devices that are mounted in one round, at most."""

SECONDS: Final = 30.0
"""After which no more round is begun."""


def sight(cases: Sequence[StoredCase], invariant: Invariant, name: str) -> Sighting:
    """Try a finding on a real file system.

    Args:
        cases: its smallest case, and the one that it was found in.
        invariant: what it is named for.
        name: the file system, one of `PLANES`.
    """
    found = not_tried(name)
    if reason := why_not_here(name):
        return replace(found, reason=reason)
    ending = [
        replace(stored, invariants=frozenset({invariant}))
        for stored in cases
        if isinstance(stored.case.boots[-1].crash, PowerLoss)
    ]
    if not ending:
        return replace(found, reason="its case does not end with a power loss")
    trees = 0
    try:
        for stored, run in _rounds(ending, invariant, name):
            if run.doubt:
                return found if trees else replace(found, reason=run.doubt)
            trees += 0 if run.coverage is None else run.coverage.judged
            if _breaks(run, invariant) and _breaks(recheck(job_sandbox(), stored, run), invariant):
                return replace(found, sight=Sight.SEEN, trees=trees)
            found = replace(found, sight=Sight.NOT_SEEN, trees=trees)
    except (Inconclusive, HarnessFault) as problem:
        return found if trees else replace(found, reason=problem.message)
    except TimeOver:
        return found if trees else replace(found, reason=LATE)
    return found


def not_tried(name: str, reason: str = "") -> Sighting:
    """Return that a finding was not tried on a file system, and why."""
    return Sighting(sight=Sight.NOT_TRIED, file_system=name, kernel=kernel_release(), reason=reason)


def why_not_here(name: str) -> str:
    """Return what this machine lacks for a file system, or how a trial of it fails; else empty."""
    return lacking()[0] or lacking_for(find_plane(name))[0] or trial()


def why_not_there(finding: Finding, name: str) -> str:
    """Return why a file system cannot show a finding; empty where it may."""
    model = find_plane(name).models[0]
    if finding.is_torn_inside:
        return "it needs a write torn inside a sector, which no cut of blocks makes"
    if not covers(model, finding.model):
        return (
            f"only `{finding.model.value}` shows it, and what {name} leaves is in `{model.value}`"
        )
    return ""


def _rounds(
    cases: Sequence[StoredCase], invariant: Invariant, name: str
) -> Iterator[tuple[StoredCase, CaseRun]]:
    """Yield runs of cases on the plane, each with another seed, until the time is used up.

    Two of four have nothing that writes back meanwhile: a fast disk shows what a slow one hides.
    """
    deadline, plane = time.monotonic() + SECONDS, job_plane(name)
    for number in range(ROUNDS):
        if time.monotonic() >= deadline:
            return
        stored = cases[number % len(cases)]
        *before, last = stored.case.boots
        turn, is_disturbed = divmod(number // len(cases), 2)
        seed = len(BACKGROUNDS) * number
        seed += 1 + turn % (len(BACKGROUNDS) - 1) if is_disturbed else 0
        end = replace(last, crash=PowerLoss(seed, IMAGES))
        case = replace(stored.case, boots=(*before, end))
        run = kind_of_run(stored.case)(
            job_sandbox(),
            replace(stored, case=case),
            is_fresh=False,
            plane=plane,
            sought=invariant,
        ).run()
        yield stored, run


def _breaks(run: CaseRun, invariant: Invariant) -> bool:
    return any(violation.invariant is invariant for violation in run.judgement.violations)
