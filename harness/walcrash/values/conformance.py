"""Conformance: what a subject does while nothing crashes, check by check.

Not here: doing the checks (`tools.check`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

MOST_SAVED: Final = 0.9
"""Of an image's time no larger share is told as what starts of processes are."""

WORTH_SAVING: Final = 0.25
"""From this share of an image's time on it is worth a word that it could be saved."""


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
class SubjectCosts:
    """How long a subject takes on a small log, in seconds of the clock.

    Attributes:
        start_seconds: a boot or a recovery, with its process and all that the harness does.
        image_seconds: an image of a power loss with all recoveries of it; None where none was made.
        image_starts: how many recoveries that are; None where none was made.
        process_seconds: what of a start is the driver's process, from its beginning to its first
            reply, to a request that opens nothing; None where each start has none of its own
            (a Python class, the capability `reopen`, copies of one that has started) or it gave no
            reply.
    """

    start_seconds: float
    image_seconds: float | None
    image_starts: float | None
    process_seconds: float | None = None

    @property
    def saved_by_reopen(self) -> float | None:
        """What of an image's seconds are starts of processes, which `reopen` would save.

        None where they are less than a fourth of it, or were not measured. The two are not measured
        at the same time, so no more than `MOST_SAVED` of it is believed.
        """
        if self.image_seconds is None or not self.image_starts or self.process_seconds is None:
            return None
        most = self.image_seconds * MOST_SAVED
        saved = min(most, self.process_seconds * self.image_starts)
        return saved if saved >= self.image_seconds * WORTH_SAVING else None

    @property
    def is_mostly_process(self) -> bool:
        """Whether starts of processes are so much of an image that what is left is not known."""
        saved, whole = self.saved_by_reopen, self.image_seconds
        return saved is not None and whole is not None and saved >= whole * MOST_SAVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What a subject was found to be; `supports` is empty where it could not be opened.

    `costs` is None where a check failed, or they could not be measured.
    """

    subject: str
    introduced: str
    supports: tuple[str, ...]
    checks: Sequence[ConformanceCheck]
    costs: SubjectCosts | None = None

    @property
    def failed(self) -> tuple[ConformanceCheck, ...]:
        """The checks that failed."""
        return tuple(c for c in self.checks if c.outcome is CheckOutcome.FAILED)
