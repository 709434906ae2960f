"""Findings of one case: the violations so far, and which rules were judged.

Violations are ordered by cause before symptom: what an earlier boot showed comes before what a
later one did, the recovery of a boot before its calls, and these one after the other; the first
recovery of the last image comes before the further ones. What shows at once is ordered by rank.
Of each invariant only the first violation is kept, since the later ones mostly follow from it. A
state that other surroundings change obeys no rule about states for long, so `determinism` comes
before the first of these, whatever showed it.

From the first injected error on every violation is one of `unreported-error`, where that was asked
for: the first of them is reported, with the last error before it. Else each keeps its rule, and is
told with it. So does the recovery of a store that an `open` which said that it failed left
half-made: nothing was promised yet, and nothing went unsaid.
What shows after a slow call keeps its rule: nothing has failed, and the call is told with it.

A rule whose capability the subject lacks is not judged at all.

Not here: the rules themselves (`rules`), and why one was not judged (`applicability`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from walcrash.oracle.evidence import Evidence, FailedRecovery
from walcrash.oracle.rules import ABOUT, JUDGES, AskedRules
from walcrash.oracle.silent_rot import after_damage
from walcrash.oracle.unreported_error import after_error, with_error
from walcrash.values.contract import Promise
from walcrash.values.damage import Rotted
from walcrash.values.io_error import IoError
from walcrash.values.rule import Occasion
from walcrash.values.rules import MOST_SEVERE_FIRST, RULES
from walcrash.values.slow_io import SlowIo, most_telling
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

_When = tuple[int, int]
"""A stage and a step."""

_OF_STATE: Final = (Invariant.CHECKPOINT_AHEAD, Invariant.CHECKPOINT_STATE, Invariant.REQUEUE)
"""Rules about what a recovery shows as its state."""


_AFTER_DAMAGE: Final = (Invariant.SILENT_ROT, Invariant.IDEMPOTENCE, Invariant.NOT_APPENDABLE)
"""What a subject that works on after damage has to keep, where it refuses nothing; it may neither
hang nor end by a memory fault."""


class Findings:
    """Holds evidence against the rules that were asked for, and keeps what they say.

    Attributes:
        invariants: those that are judged: asked for, and supported by the subject; by rank.
        stage: a number that grows with time, kept with each violation.
        step: the same within a stage.
    """

    def __init__(self, terms: Terms) -> None:
        self.invariants = tuple(
            item
            for item in MOST_SEVERE_FIRST
            if item in terms.invariants and RULES[item].is_supported(terms.supports)
        )
        self.stage = self.step = 0
        self._rules = AskedRules(self.invariants)
        self._asked = terms.invariants
        self._judged: set[Invariant] = set()
        self._is_held = False
        self._first: dict[Invariant, tuple[_When, Violation]] = {}
        self._error: IoError | None = None
        self._rotted: tuple[Rotted, str] | None = None
        self._after_error: dict[Invariant, IoError] = {}
        self._is_half_made = False
        self._slow: list[SlowIo] = []
        self._after_slow: frozenset[Invariant] = frozenset()

    def begin(self, stage: int) -> None:
        """Go on to a stage, with its first step."""
        self.stage, self.step = stage, 0

    def strike(self, error: IoError) -> None:
        """Note that an error was injected; what shows from now on shows after it."""
        if self._error is None:
            self.note(Occasion.IO_ERROR)
        self._error = error

    def rot(self, rotted: Rotted, written: str) -> None:
        """Note that files were damaged; what shows from now on is one of `silent-rot`.

        Args:
            rotted: the damage.
            written: who wrote what was damaged, in words.
        """
        self._rotted = rotted, written

    def slow_down(self, slow: Sequence[SlowIo]) -> None:
        """Note slow calls; what shows from now on is told with the one that matters most."""
        self._slow += slow

    def hold(self, evidence: Evidence) -> bool:
        """Hold a piece of evidence against every rule; return whether it violates any."""
        if self._rotted is not None:
            return self._hold_damaged(evidence, *self._rotted)
        is_violated = False
        for invariant, judge in self._rules.about(type(evidence)):
            for violation in judge(evidence):
                is_violated = True
                if invariant in self._first:
                    continue
                self._first[invariant] = (self.stage, self.step), violation
                if self._error is not None:
                    self._after_error[invariant] = self._error
                    self._is_half_made |= isinstance(evidence, FailedRecovery) and (
                        evidence.is_half_made
                    )
                if self._slow:
                    self._after_slow |= {invariant}
        return is_violated

    def _hold_damaged(self, evidence: Evidence, rotted: Rotted, written: str) -> bool:
        """Hold what was worked on after damage against the rules about records."""
        rule = Invariant.SILENT_ROT
        if rule not in self.invariants:
            return False
        asked = (JUDGES[item] for item in _AFTER_DAMAGE if type(evidence) in ABOUT[item])
        found = [each for judge in asked for each in judge(evidence)]
        if found and rule not in self._first:
            is_told = found[0].invariant is rule
            told = found[0] if is_told else after_damage(found[0], rotted, written)
            self._first[rule] = (self.stage, self.step), told
        return bool(found)

    def note(self, occasion: Occasion, *, promise: Promise = Promise.ALL) -> None:
        """Note that the case held this occasion, after crashes that leave this promise."""
        held = self._rules.held(occasion, promise)
        self._is_held |= held.shows_any and occasion is Occasion.IMAGE
        self._judged |= held.judged

    def first_judged(self, *candidates: Invariant) -> Invariant:
        """Return the first of the candidates that is judged, else the first."""
        return next((item for item in candidates if item in self.invariants), candidates[0])

    def judgement(self, reason: Callable[[Invariant], str]) -> Judgement:
        """Return the result; `reason` says why an invariant was not judged."""
        first_state = min(
            (at for item, (at, _) in self._first.items() if item in _OF_STATE), default=None
        )

        def order(found: tuple[Invariant, tuple[_When, Violation]]) -> tuple[_When, int]:
            item, (at, _) = found
            if item is Invariant.DETERMINISM and first_state is not None:
                at = min(at, first_state)
            return at, MOST_SEVERE_FIRST.index(item)

        found = sorted(self._first.items(), key=order)
        told = [self._told_with_slow(violation) for _, (_, violation) in found]
        violations = self._attributed(told)
        judged = frozenset(self._judged | self._first.keys())
        unjudged = tuple(
            (item, reason(item))
            for item in MOST_SEVERE_FIRST
            if item in self._asked and item not in judged
        )
        # A recovery that nothing was promised of, and that showed nothing, was right.
        is_right = bool(judged) or self._is_held
        verdict = Verdict.FAIL if found else Verdict.PASS if is_right else Verdict.INCONCLUSIVE
        return Judgement(verdict, violations, judged, unjudged)

    def _attributed(self, violations: Sequence[Violation]) -> tuple[Violation, ...]:
        """Return the violations in order, with all that showed after an error as the first."""
        rule = Invariant.UNREPORTED_ERROR
        if self._error is None:
            return tuple(violations)
        if rule not in self.invariants or self._is_half_made:
            return tuple(self._told(each) for each in violations)
        later = [each for each in violations if each.invariant in self._after_error]
        if not later:
            return tuple(violations)
        first = after_error(later[0], self._after_error[later[0].invariant])
        return tuple(
            first if each is later[0] else each for each in violations if each not in later[1:]
        )

    def _told_with_slow(self, violation: Violation) -> Violation:
        """Return a violation with the slow call behind which it showed, if it did."""
        if violation.invariant not in self._after_slow:
            return violation
        return replace(violation, message=f"{violation.message}; {most_telling(self._slow)}")

    def _told(self, violation: Violation) -> Violation:
        """Return a violation with the error behind which it showed, if it did."""
        error = self._after_error.get(violation.invariant)
        return violation if error is None else with_error(violation, error)
