"""Looks at states: each is recovered as far as it is new, and in all ways where it fails.

Not here: what is new (`novelty`), how an image is recovered (`recovery_runs`).
"""

from collections.abc import Callable, Hashable
from typing import Protocol

from walcrash.values.cell import Cell
from walcrash.values.history import Recoveries
from walcrash.values.image import Image
from walcrash.values.moments import Placement
from walcrash.values.verdict import Judgement, Verdict


class Recover(Protocol):
    """Recovers an image, as `RecoveryRuns.restored` does."""

    def __call__(
        self, image: Image, before: Image | None = None, *, place: Hashable | None = None
    ) -> Recoveries:
        """Recover it; see `RecoveryRuns.restored`."""


def place_of(cell: Cell) -> Hashable:
    """Return the kind of place by which an image is new: coarser than the cells of a search."""
    return cell.operation, cell.record, cell.placement is Placement.WITHIN


def looked_at(
    recover: Recover,
    judge: Callable[[Recoveries], Judgement],
    image: Image,
    *,
    before: Image | None = None,
    place: Hashable | None,
    known: Recoveries | None = None,
) -> tuple[Recoveries, Judgement]:
    """Recover an image and judge what that showed.

    An image that fails is recovered in all ways, so that what it breaks first is what a replay of
    its case breaks first.

    Args:
        recover: recovers it.
        judge: the oracle, with the boots before it.
        image: what a crash left.
        before: what a boot had found that was killed inside its recovery; else None.
        place: as for `RecoveryRuns.restored`; None recovers it in all ways.
        known: how the same image was recovered before, if it was.

    Raises:
        OSError: the directory cannot be used.
    """
    if known is None or (place is None and known.is_partial):
        known = recover(image, before, place=place)
    judgement = judge(known)
    if known.is_partial and judgement.verdict is Verdict.FAIL:
        whole = recover(image, before)
        other = judge(whole)
        if other.verdict is Verdict.FAIL:
            return whole, other
    return known, judgement
