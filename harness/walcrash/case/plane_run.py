"""Runs on the plane: the boots of a case since its last power loss, once more, on a real device.

Not here: the device (`plane`), what is made of the trees (`plane_search`).
"""

import errno
from dataclasses import dataclass
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.plane import BACKGROUNDS, Plane
from walcrash.case.plane_session import PlaneAnswer, PlaneBoot, PlaneTask
from walcrash.case.watched_boot import boot_of
from walcrash.values.case_file import StoredCase
from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.real_tree import RealTree
from walcrash.values.tears import kill_unit_bytes

DRAWN: Final = 4
"""Drawn subsets of writes between every two flushes."""

_NO_SPACE: Final = (errno.ENOSPC, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneTrees:
    """The trees of a boot, or why there are none; `doubt` is empty where they count."""

    trees: tuple[RealTree, ...]
    doubt: str


def run_on_plane(
    plane: Plane, boots: CaseBoots, stored: StoredCase, directory: str, *, seed: int, mounts: int
) -> PlaneTrees:
    """Run the boots since the last power loss on the plane; they take the place of their own.

    Args:
        plane: the file system.
        boots: the case's boots so far; the last one is what is cut.
        stored: the case.
        directory: the subject's, which the device is mounted around.
        seed: what the background and the cuts are drawn from.
        mounts: most devices that are mounted.

    Raises:
        WalcrashError: as `Plane.record`.
    """
    base, since = boots.since_power()
    first, unit = len(boots.watched) - len(since), stored.contract.atomic_bytes
    crashes = [boot.plan.crash for boot in since]
    task = PlaneTask(
        variant=plane.variant.name,
        directory=directory,
        subject=stored.subject,
        limits=stored.limits,
        base=base,
        boots=tuple(
            PlaneBoot(
                operations=boot.plan.operations,
                kill=None if crash is None or crash.is_power_loss else crash,
                faults=stored.case.faults_in(first + at),
                tear_bytes=kill_unit_bytes(unit),
            )
            for at, (boot, crash) in enumerate(zip(since, crashes, strict=True))
        ),
        background=BACKGROUNDS[seed % len(BACKGROUNDS)],
        seed=seed,
        drawn=DRAWN,
        mounts=mounts,
        is_torn=unit <= SECTOR_BYTES,
    )
    answer = plane.record(task)
    made = [
        boot_of(watched, boot.plan, stored.limits, number=number, directory=directory)
        for number, (watched, boot) in enumerate(
            zip(answer.watched, since, strict=True), start=first + 1
        )
    ]
    boots.replace_since_power(made)
    return PlaneTrees(trees=answer.trees, doubt=_doubt(plane, answer, boots))


def _doubt(plane: Plane, answer: PlaneAnswer, boots: CaseBoots) -> str:
    """Return why the trees say nothing; empty where they do."""
    variant = plane.variant
    if any(_NO_SPACE in watched.recording.errors() for watched in answer.watched):
        size = variant.size_bytes >> 20
        return f"there was no space left on the plane, a device of {size} MiB with {variant.name}"
    for number, boot in enumerate(boots.watched, start=1):
        if not boot.can_go_on:
            return f"boot {number} did not come to its end on {variant.name}"
    if unmodelled := boots.unmodelled():
        return unmodelled
    if not answer.trees:
        return f"{variant.name} could be mounted after none of {answer.cuts} cuts"
    return ""
