"""Verdicts: what the oracle says of one case, with the invariants that it broke.

Not here: what an invariant says and needs (`rules`).
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from walcrash.values.forms import SPARSE, EncodableText
from walcrash.values.rules import Invariant

__all__ = ["HasViolations", "Invariant", "Judgement", "Verdict", "Violation"]


class Verdict(Enum):
    """Never a bool: what was not tested is not right."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant.

    Attributes:
        invariant: the rule that was broken.
        where: which recovery or call showed it, such as `boot 2` or `first recovery`.
        message: one sentence for a person, with the record or operation that it is about.
        allowed: what would have been right, short.
        found: what was found, short.
        record_ts_ms: the `ts_ms` of the one record that it is about first; None if it is about
            none. It says no more than the message, so it does not tell violations apart.
        breaks_as: of `not-appendable`, the rule that the records behind a recovery break; None
            where these are not wrong. Nor does it tell violations apart.
    """

    invariant: Invariant
    where: str
    message: EncodableText
    allowed: EncodableText = ""
    found: EncodableText = ""
    record_ts_ms: Annotated[int | None, SPARSE] = field(default=None, compare=False)
    breaks_as: Annotated[Invariant | None, SPARSE] = field(default=None, compare=False)


class HasViolations:
    """What holds violations, most severe first."""

    __slots__ = ()
    violations: tuple[Violation, ...]

    @property
    def worst(self) -> Violation:
        """The most severe violation, which names the finding; there has to be one."""
        return self.violations[0]

    def breaks_first(self, invariant: Invariant) -> bool:
        """Whether there is a violation, and the most severe one is of this invariant."""
        return bool(self.violations) and self.worst.invariant is invariant


@dataclass(frozen=True, slots=True)
class Judgement(HasViolations):
    """What the oracle says of one case.

    Attributes:
        verdict: `FAIL` if anything was violated, `INCONCLUSIVE` if nothing could be judged.
        violations: most severe first; the first names the finding.
        judged: the invariants that applied and were judged.
        unjudged: the invariants that were asked for and did not apply, each with the reason.
    """

    verdict: Verdict
    violations: tuple[Violation, ...]
    judged: frozenset[Invariant]
    unjudged: tuple[tuple[Invariant, str], ...]
