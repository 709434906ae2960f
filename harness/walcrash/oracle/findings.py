"""Findings of one case: violations as they are found, and what was looked at.

Violations are ordered by cause before symptom: what an earlier boot showed comes before what a
later one did, the first look at the last image before the further looks; within one stage the
most telling invariant comes first. Of each invariant only the first violation is kept, since
the later ones mostly follow from it.

Not here: the rules themselves, and which of them apply.
"""

from collections.abc import Callable, Iterable

from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

MOST_SEVERE_FIRST = (
    Invariant.UNRECOVERABLE,
    Invariant.LOST_PUT,
    Invariant.LOST_MARK,
    Invariant.ALTERED_RECORD,
    Invariant.PHANTOM_RECORD,
    Invariant.ORDER,
    Invariant.EFFECT_BEFORE_APPEND,
    Invariant.REPEATED_EFFECT,
    Invariant.CHECKPOINT_AHEAD,
    Invariant.CHECKPOINT_STATE,
    Invariant.REQUEUE,
    Invariant.DETERMINISM,
    Invariant.IDEMPOTENCE,
    Invariant.NOT_APPENDABLE,
    Invariant.UNREPORTED_ERROR,
    Invariant.SILENT_ROT,
)
"""The order of violations within one stage."""


class Findings:
    """Collects violations of the invariants that were asked for.

    Attributes:
        asked: the invariants that count; a violation of another one is dropped.
        stage: a number that grows with time, kept beside each violation.
    """

    def __init__(self, asked: frozenset[Invariant]) -> None:
        self.asked = asked
        self.stage = 0
        self._judged: set[Invariant] = set()
        self._first: dict[Invariant, tuple[int, Violation]] = {}

    def note_judged(self, *invariants: Invariant) -> None:
        """Note that these invariants applied and were looked at."""
        self._judged.update(self.asked.intersection(invariants))

    def add(self, violations: Iterable[Violation]) -> bool:
        """Keep the first violation of each invariant; return whether any was asked for."""
        wanted = [item for item in violations if item.invariant in self.asked]
        for violation in wanted:
            self._first.setdefault(violation.invariant, (self.stage, violation))
        return bool(wanted)

    def first_asked(self, *candidates: Invariant) -> Invariant:
        """Return the first of the candidates that was asked for, else the first.

        Some facts break two rules at once. They are reported under the one that says more,
        or under the other where only that one was asked for.
        """
        return next((item for item in candidates if item in self.asked), candidates[0])

    def judgement(self, reason: Callable[[Invariant], str]) -> Judgement:
        """Return the result; `reason` says why an invariant was not looked at."""
        found = sorted(
            self._first.values(),
            key=lambda item: (item[0], MOST_SEVERE_FIRST.index(item[1].invariant)),
        )
        judged = frozenset(self._judged | self._first.keys())
        unjudged = [
            (item, reason(item))
            for item in MOST_SEVERE_FIRST
            if item in self.asked and item not in judged
        ]
        verdict = Verdict.FAIL if found else Verdict.PASS if judged else Verdict.INCONCLUSIVE
        return Judgement(verdict, tuple(item for _, item in found), judged, tuple(unjudged))
