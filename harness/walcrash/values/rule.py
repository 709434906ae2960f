"""What a rule is: its text, what it needs to be judged, and its rank.

Not here: the rules themselves and their ids (`rules`), and their judging (`walcrash.oracle`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from walcrash.values.contract import Promise
from walcrash.values.quick_enum import QuickEnum


class Occasion(QuickEnum):
    """What a case has to hold for a rule to be judged; the value says that the case lacks it."""

    IMAGE = "no recovery after a boot was made"
    PUT = "no PutOperation was promised at a recovery"
    MARK = "no MarkDone or MarkFailed was promised at a recovery"
    RECORD = "no recovery showed a record"
    STATE = "no recovery showed a state"
    APPLIED = "nothing was applied before a recovery"
    EFFECT = "no effect was made before a recovery"
    PERTURBED = "no recovery in other surroundings was made"
    AGAIN = "no recovery of what a recovery left was made"
    WORK = "nothing was called after a recovery"
    TICK = "no tick was made after the last recovery"
    IO_ERROR = "no I/O error was injected"
    ROT = "nothing was damaged at rest"


INJECTED: Final = frozenset({Occasion.IO_ERROR, Occasion.ROT})
"""Occasions that only an injected fault makes."""


class Taken(Enum):
    """What the crashes of a failing case took, the most severe of it: listed from that on."""

    TORN = "a part of one write"
    STALE = "data, with other bytes in its place"
    DATA = "data"
    NAME = "a name"
    POWER_NOTHING = "nothing, though the power was lost"
    KILL_TORN = "the rest of a write that a kill interrupted"
    KILL_NOTHING = "nothing: a kill leaves the page cache"


_STRONGEST_FIRST: Final = (Promise.ALL, Promise.PREFIX, Promise.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is known of one invariant.

    Attributes:
        text: the rule, as half a sentence.
        rank: of two violations that one recovery shows, the one with the smaller rank names the
            finding. No two rules have the same.
        occasion: what a case has to hold for the rule to be judged.
        also_on: further occasions that can show a violation, and are made for this rule too.
        capability: what the subject has to support, as in the driver protocol; None if nothing.
        promise: the weakest promise of the contract under which the rule is judged.
    """

    text: str
    rank: int
    occasion: Occasion = Occasion.IMAGE
    also_on: frozenset[Occasion] = frozenset()
    capability: str | None = None
    promise: Promise = Promise.PREFIX

    def is_supported(self, supports: frozenset[str]) -> bool:
        """Return whether a subject with these capabilities can be held against the rule."""
        return self.capability is None or self.capability in supports

    def is_due(self, promise: Promise) -> bool:
        """Return whether the rule is judged where the contract promises this."""
        return _STRONGEST_FIRST.index(promise) <= _STRONGEST_FIRST.index(self.promise)

    def is_shown_by(self, *occasions: Occasion) -> bool:
        """Return whether any of these occasions can show a violation."""
        return any(item is self.occasion or item in self.also_on for item in occasions)
