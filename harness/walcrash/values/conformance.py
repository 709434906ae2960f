"""Conformance: what a subject does while nothing crashes, check by check.

Not here: doing the checks (`tools.check`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class CheckOutcome(Enum):
    """How a check ended; `NOTED` is no failure, but something that its author should know."""

    PASSED = "ok"
    FAILED = "failed"
    NOTED = "note"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceCheck:
    """One thing that was tried.

    Attributes:
        name: what it is, short; a stable key for scripts.
        outcome: how it ended.
        rule: what the protocol says.
        found: what was found instead; for a skipped check: why.
        exchanged: the last lines of the conversation before that, for a driver.
        hint: what to check; empty where nothing is wrong.
    """

    name: str
    outcome: CheckOutcome
    rule: str
    found: str = ""
    exchanged: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What a subject was found to be; `supports` is empty where it could not be opened."""

    subject: str
    introduced: str
    supports: tuple[str, ...]
    checks: Sequence[ConformanceCheck]

    @property
    def failed(self) -> tuple[ConformanceCheck, ...]:
        """The checks that failed."""
        return tuple(c for c in self.checks if c.outcome is CheckOutcome.FAILED)
