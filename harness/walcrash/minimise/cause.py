"""Causes: which failing cases are minimised together, and which minimal cases are one finding.

Failing cases of one scenario are a group if they break the same invariant first and their last
crash fell on the same kind of place. Each group is minimised. Minimal cases have the same cause if
they break the same invariant and, after a kill, have as many crashes and the last one fell on the
same kind of event; where there was a power loss, if the last one took from the same files, or from
those of the other and more.

Nothing here proves that two cases have one bug behind them: it is what a reader would look at
first.

Not here: how a case is made small (`minimise`), what is told of a finding (`values.finding`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.values.case import Landing
from walcrash.values.event import EventKind
from walcrash.values.persistence import is_power_loss
from walcrash.values.story import Story
from walcrash.values.verdict import Invariant

_DIGITS: Final = re.compile(r"\d+")

NO_CRASH: Final = "no recorded crash"
"""The place of a crash that is not known: a kill on a timer without interception."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a minimal case has in common with those of other crash points and seeds.

    Attributes:
        invariant: what it breaks first.
        crashes: how many kills it takes; 0 with a power loss, where that says little.
        place: the event that the last crash fell on, without numbers; with the operation where it
            is no event of a file. Empty where `lost` tells more.
        lost: the names from which a power loss took something, without digits, sorted.
    """

    invariant: Invariant
    crashes: int = 0
    place: str = ""
    lost: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the form that a finding has: `lost-put, kill: 2 crashes, append reply`."""
        if self.lost:
            return f"{self.invariant.value}, power: {', '.join(self.lost)}"
        if not self.crashes:
            return f"{self.invariant.value}, power: {self.place}"
        count = f"{self.crashes} crash{'es' if self.crashes > 1 else ''}"
        return f"{self.invariant.value}, kill: {count}, {self.place}"

    def explains(self, other: "Cause") -> bool:
        """Whether the other is this one, or lost what this one did and more besides."""
        if self.invariant is not other.invariant or not self.lost or not other.lost:
            return self == other
        return set(self.lost) <= set(other.lost)


def group_of(invariant: Invariant, landings: Sequence[Landing]) -> str:
    """Return the group that a failing case belongs to, as a text."""
    if not landings:
        return f"{invariant.value}, {NO_CRASH}"
    last = landings[-1]
    fault = "power" if last.is_power_loss else "kill"
    return f"{invariant.value}, {fault}: {_operation(last)} {_event(last)}"


def cause_of(
    invariant: Invariant, landings: Sequence[Landing], story: Story | None = None
) -> Cause:
    """Return the cause that a case shows.

    Args:
        invariant: what it breaks first.
        landings: where its crashes landed, in order.
        story: what happened in it, where that is known.
    """
    if not landings:
        return Cause(invariant=invariant, crashes=1, place=NO_CRASH)
    last = landings[-1]
    is_of_a_file = last.kind not in (EventKind.REPLY, EventKind.EFFECT)
    place = _event(last) if is_of_a_file else f"{_operation(last)} {_event(last)}"
    if not any(landing.is_power_loss for landing in landings):
        return Cause(invariant=invariant, crashes=len(landings), place=place)
    lost = () if story is None else _lost(story)
    # Where everything was kept, and in the wrong order or with something between, the cut tells.
    return Cause(invariant=invariant, place="" if lost else place, lost=lost)


def _lost(story: Story) -> tuple[str, ...]:
    """Return the names from which the last power loss took something."""
    crashes = [boot.crash for boot in story.boots if boot.crash is not None]
    losses = [crash for crash in crashes if is_power_loss(crash.model)]
    taken = {
        story.paths[fate.path]
        for crash in losses[-1:]
        for fate in crash.fates
        if fate.path >= 0 and (fate.is_stale or not fate.is_kept)
    }
    return tuple(sorted({_DIGITS.sub("#", path) for path in taken}))


def _operation(landing: Landing) -> str:
    return "" if landing.operation is None else landing.operation.value


def _event(landing: Landing) -> str:
    return _DIGITS.sub("#", str(landing.event).partition(",")[0])
