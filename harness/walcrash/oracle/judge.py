"""The judge: one case, from its first boot to the last recovery of what it left.

Not here: the order in which a case is judged (`walk`), and the rules (`rules`).
"""

from walcrash.oracle.applicability import reason_unjudged
from walcrash.oracle.walk import Walk
from walcrash.values.history import BootHistory, History
from walcrash.values.terms import Terms
from walcrash.values.verdict import Judgement

# limits
WALKS = 32
"""Walks through boots that are kept, those that were asked for last: images of many positions come
by turns, and boots with them."""


def judge(terms: Terms, history: History) -> Judgement:
    """Hold one case against what its subject promises.

    Args:
        terms: what is promised, supported and asked for.
        history: all boots of the case, and the recoveries of what the last one left.
    """
    return Judge(terms).judge(history)


class Judge:
    """Judges one case after the other, as `judge` does, and knows boots again.

    A power loss leaves one of many images, and all of them come after the same boots: these
    are walked through once, as long as they are the very same objects.
    """

    def __init__(self, terms: Terms) -> None:
        """Take what all cases have in common."""
        self._terms = terms
        self._begin = Walk(terms)
        # A walk keeps its boots alive, so no other object has their identity meanwhile.
        self._walks: dict[tuple[int, ...], Walk] = {}

    def judge(self, history: History) -> Judgement:
        """Hold one case against what its subject promises."""
        walk = self._walk_through(history.boots).branch()
        if walk.goes_on:
            walk.judge_recoveries(history.recoveries)
        return walk.findings.judgement(
            lambda invariant: reason_unjudged(invariant, self._terms, history)
        )

    def _walk_through(self, boots: tuple[BootHistory, ...]) -> Walk:
        """Return the walk through these boots; what is known of their beginning is not walked."""
        if not boots:
            return self._begin
        key = tuple(map(id, boots))
        walk = self._walks.pop(key, None)
        if walk is None:
            walk = self._walk_through(boots[:-1]).branch()
            walk.through(boots[-1])
            # What may be shown then is the same for all that branch off.
            walk.log.expectation()
            if len(self._walks) >= WALKS:
                del self._walks[next(iter(self._walks))]
        self._walks[key] = walk
        return walk
