"""Causes: which failing cases are minimised together, and which minimal cases are one finding.

Failing cases of one scenario are a group if they break the same invariant first and their last
crash fell on the same kind of place. Each group is minimised. Minimal cases have the same cause if
they break the same invariant and, after a kill, their crashes fell on the same kinds of places;
after a power loss, the last one took from the same files. A kind of place is the operation and the
event, without the numbers in them.

Nothing here proves that two cases have one bug behind them: it is what a reader would look at
first. Over the planted bugs it parts none that were lost to a power cut, and two of the others.

Not here: how a case is made small (`minimise`), what is told of a finding (`values.finding`).
"""

import re
from collections.abc import Sequence
from typing import Final

from harness.values.case import Landing
from harness.values.contract import PersistenceModel
from harness.values.story import Story, StoryCrash
from harness.values.verdict import Invariant

_DIGITS: Final = re.compile(r"\d+")

NO_CRASH: Final = "no recorded crash"
"""The place of a crash that is not known: a kill on a timer without interception."""


def group_of(invariant: Invariant, landings: Sequence[Landing]) -> str:
    """Return the group that a failing case belongs to, as a text."""
    if not landings:
        return f"{invariant.value}, {NO_CRASH}"
    fault = "power" if landings[-1].loss else "kill"
    return f"{invariant.value}, {fault}: {_place(landings[-1])}"


def cause_of(invariant: Invariant, landings: Sequence[Landing], story: Story) -> str:
    """Return the cause that a minimal case shows, as a text.

    Args:
        invariant: what it breaks first.
        landings: where its crashes landed, in order.
        story: what happened in it.
    """
    if not landings or not landings[-1].loss:
        places = "; ".join(map(_place, landings)) or NO_CRASH
        return f"{invariant.value}, kill: {places}"
    crashes = [boot.crash for boot in story.boots if boot.crash is not None]
    lost = _lost(crashes[-1], story.paths) if crashes else []
    # Everything was kept, and in the wrong order or with something between: the cut tells.
    return f"{invariant.value}, power: {', '.join(lost) or _place(landings[-1])}"


def _lost(crash: StoryCrash, paths: Sequence[str]) -> list[str]:
    """Return the names from which a power loss took something, each once."""
    if crash.model is PersistenceModel.KILL:
        return []
    taken = {
        paths[fate.path]
        for fate in crash.fates
        if fate.path >= 0 and (fate.is_stale or not fate.is_kept)
    }
    return sorted({_DIGITS.sub("#", path) for path in taken})


def _place(landing: Landing) -> str:
    operation = landing.operation.partition(" ")[0]
    event = _DIGITS.sub("#", landing.description.partition(",")[0])
    return f"{operation} {event}"
