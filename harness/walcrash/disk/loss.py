"""Losses: how much an image choice takes away, so that of two choices the smaller is reported.

A torn change counts before lost ones: half a change is harder to follow than a missing one.
What is drawn, or held by hand, counts as the worst, since nobody sees at a glance what it is.

Not here: what became of each single change (`fates`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from walcrash.disk.changes import Change
from walcrash.values.image_choice import ImageChoice, Policy

_PARTS = frozenset(
    {
        Policy.TORN,
        Policy.BLOCK_LOST,
        Policy.GROWN_ZEROS,
        Policy.GROWN_STALE,
        Policy.BOTH_NAMES,
        Policy.DRAWN,
        Policy.EXPLICIT,
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """What a choice takes away; the smaller is the simpler.

    Attributes:
        torn: changes that are there in part.
        lost: changes that are not there at all.
    """

    torn: int
    lost: int


def loss_of(choice: ImageChoice, changes: Sequence[Change]) -> Loss:
    """Return what a choice takes away of the changes that are pending in its model."""
    return Loss(torn=int(choice.policy in _PARTS), lost=_lost(choice, changes))


def _lost(choice: ImageChoice, changes: Sequence[Change]) -> int:
    after = sum(change.event > choice.about for change in changes)
    counts = {
        Policy.ALL: 0,
        Policy.NAMES_ONLY: sum(bool(change.runs or change.sizes) for change in changes),
        Policy.FILES_ONLY: sum(bool(change.names) for change in changes),
        Policy.PREFIX: after,
        Policy.TORN: after,
        Policy.ALL_BUT_ONE: 1,
        Policy.ONE_ALONE: max(0, len(changes) - 1),
        Policy.BLOCK_LOST: 0,
        Policy.GROWN_ZEROS: 0,
        Policy.GROWN_STALE: 0,
        Policy.BOTH_NAMES: 0,
    }
    return counts.get(choice.policy, len(changes))
