"""The function that judges each invariant, and what that is asked about.

Each function takes one piece of evidence and returns how it violates its own invariant and no
other one. It is asked about the kinds of evidence that it says it takes.

Not here: texts, needs and ranks of the invariants (`walcrash.values.rules`).
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, get_args, get_type_hints

from walcrash.oracle.effects import judge_effect_before_append, judge_repeated_effect
from walcrash.oracle.evidence import Evidence
from walcrash.oracle.not_appendable import judge_not_appendable
from walcrash.oracle.order import judge_order
from walcrash.oracle.records import (
    judge_altered_record,
    judge_lost_mark,
    judge_lost_put,
    judge_phantom_record,
)
from walcrash.oracle.requeue import judge_requeue
from walcrash.oracle.sameness import judge_determinism, judge_idempotence
from walcrash.oracle.silent_rot import judge_silent_rot
from walcrash.oracle.state import judge_checkpoint_ahead, judge_checkpoint_state
from walcrash.oracle.unrecoverable import judge_unrecoverable
from walcrash.oracle.unreported_error import judge_unreported_error
from walcrash.values.contract import Promise
from walcrash.values.rule import Occasion
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant, Violation

JudgeRule = Callable[..., list[Violation]]
"""Takes one piece of evidence, of the kinds that its parameter is annotated with."""


def _taken_by(judge: JudgeRule) -> tuple[type[Evidence], ...]:
    (kinds,) = (hint for name, hint in get_type_hints(judge).items() if name != "return")
    return get_args(kinds) or (kinds,)


JUDGES: Final[Mapping[Invariant, JudgeRule]] = {
    Invariant.LOST_PUT: judge_lost_put,
    Invariant.LOST_MARK: judge_lost_mark,
    Invariant.ALTERED_RECORD: judge_altered_record,
    Invariant.PHANTOM_RECORD: judge_phantom_record,
    Invariant.ORDER: judge_order,
    Invariant.DETERMINISM: judge_determinism,
    Invariant.IDEMPOTENCE: judge_idempotence,
    Invariant.CHECKPOINT_AHEAD: judge_checkpoint_ahead,
    Invariant.CHECKPOINT_STATE: judge_checkpoint_state,
    Invariant.UNRECOVERABLE: judge_unrecoverable,
    Invariant.NOT_APPENDABLE: judge_not_appendable,
    Invariant.EFFECT_BEFORE_APPEND: judge_effect_before_append,
    Invariant.REPEATED_EFFECT: judge_repeated_effect,
    Invariant.REQUEUE: judge_requeue,
    Invariant.UNREPORTED_ERROR: judge_unreported_error,
    Invariant.SILENT_ROT: judge_silent_rot,
}

ABOUT: Final[Mapping[Invariant, tuple[type[Evidence], ...]]] = {
    item: _taken_by(judge) for item, judge in JUDGES.items()
}
"""The kinds of evidence that each rule is about, and is asked about."""


class Held(NamedTuple):
    """What it means that a case held an occasion.

    Attributes:
        shows_any: whether that can show a violation of any rule.
        judged: the rules that are judged where a case held it.
    """

    shows_any: bool
    judged: frozenset[Invariant]


class AskedRules:
    """The rules that one case is held against, and what of them is asked when."""

    def __init__(self, invariants: tuple[Invariant, ...]) -> None:
        self._invariants = invariants
        self._about: dict[type[Evidence], tuple[tuple[Invariant, JudgeRule], ...]] = {}
        self._held: dict[tuple[Occasion, Promise], Held] = {}

    def about(self, kind: type[Evidence]) -> tuple[tuple[Invariant, JudgeRule], ...]:
        """Return the rules that are about a kind of evidence."""
        if kind not in self._about:
            asked = (item for item in self._invariants if kind in ABOUT[item])
            self._about[kind] = tuple((item, JUDGES[item]) for item in asked)
        return self._about[kind]

    def held(self, occasion: Occasion, promise: Promise) -> Held:
        """Return what it means that a case held an occasion, after crashes with this promise."""
        known = self._held.get((occasion, promise))
        if known is None:
            rules = ((item, RULES[item]) for item in self._invariants)
            due = [(item, rule) for item, rule in rules if rule.is_due(promise)]
            shown = [item for item, rule in due if rule.is_shown_by(occasion)]
            known = self._held[occasion, promise] = Held(
                shows_any=bool(shown),
                judged=frozenset(item for item in shown if RULES[item].occasion is occasion),
            )
        return known
