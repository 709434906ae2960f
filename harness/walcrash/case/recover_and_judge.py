"""Judging one crash state: it is recovered as far as it is new, and in all ways where it fails.

Not here: what is new (`novelty`), how an image is recovered (`recovery_runs`).
"""

from collections.abc import Callable, Hashable

from walcrash.values.history import Recoveries
from walcrash.values.verdict import Judgement, Verdict


def recover_and_judge(
    recover: Callable[[Hashable], Recoveries],
    judge: Callable[[Recoveries], Judgement],
    place: Hashable,
    known: Recoveries | None = None,
) -> tuple[Recoveries, Judgement]:
    """Recover an image and judge what that showed.

    An image that fails is recovered in all ways, so that what it breaks first is what a replay of
    its case breaks first.

    Args:
        recover: recovers the image, which lies at a kind of place; None recovers it in all ways.
        judge: the oracle, with the boots before it.
        place: the kind of place.
        known: how the same image was recovered before, if it was.

    Raises:
        OSError: the directory cannot be used.
    """
    if known is None or (place is None and known.is_partial):
        known = recover(place)
    judgement = judge(known)
    if known.is_partial and judgement.verdict is Verdict.FAIL:
        whole = recover(None)
        other = judge(whole)
        if other.verdict is Verdict.FAIL:
            return whole, other
    return known, judgement
