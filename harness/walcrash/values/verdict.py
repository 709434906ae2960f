"""Invariants and verdicts.

An invariant has a stable id that others write against; its rule is in `RULES`.
"""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Never a bool: what was not tested is not right."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Invariant(Enum):
    """A rule that recovery must keep; the value is its stable id."""

    LOST_PUT = "lost-put"
    LOST_MARK = "lost-mark"
    ALTERED_RECORD = "altered-record"
    PHANTOM_RECORD = "phantom-record"
    ORDER = "order"
    DETERMINISM = "determinism"
    IDEMPOTENCE = "idempotence"
    CHECKPOINT_AHEAD = "checkpoint-ahead"
    CHECKPOINT_STATE = "checkpoint-state"
    UNRECOVERABLE = "unrecoverable"
    NOT_APPENDABLE = "not-appendable"
    EFFECT_BEFORE_APPEND = "effect-before-append"
    REPEATED_EFFECT = "repeated-effect"
    REQUEUE = "requeue"
    UNREPORTED_ERROR = "unreported-error"
    SILENT_ROT = "silent-rot"


RULES = {
    Invariant.LOST_PUT: "every acknowledged PutOperation is there after recovery",
    Invariant.LOST_MARK: (
        "every acknowledged MarkDone and MarkFailed is there: no done operation comes back to life"
    ),
    Invariant.ALTERED_RECORD: "every recovered record equals the appended one, byte for byte",
    Invariant.PHANTOM_RECORD: "nothing is recovered that was never appended",
    Invariant.ORDER: (
        "recovered records keep append order, no hole before an acknowledged one, none twice"
    ),
    Invariant.DETERMINISM: (
        "recovering the same image twice, in other processes with another hash seed, clock, "
        "time zone, locale and file order, gives the same output"
    ),
    Invariant.IDEMPOTENCE: (
        "recovering what a recovery (also one that crashed) left gives the same output"
    ),
    Invariant.CHECKPOINT_AHEAD: (
        "a checkpoint never exceeds the applied state, and lies on a record boundary"
    ),
    Invariant.CHECKPOINT_STATE: (
        "applied state at the checkpoint plus replay from it equals replay from 0"
    ),
    Invariant.UNRECOVERABLE: (
        "recovery neither fails, hangs nor exceeds its memory limit on an image that a crash "
        "can leave"
    ),
    Invariant.NOT_APPENDABLE: (
        "after recovery new records can be appended, and survive the next recovery with all "
        "that came before"
    ),
    Invariant.EFFECT_BEFORE_APPEND: (
        "no external effect of an operation is visible before its PutOperation would survive "
        "the crash"
    ),
    Invariant.REPEATED_EFFECT: "no effect after an acknowledged MarkDone",
    Invariant.REQUEUE: (
        "an operation in flight for longer than the timeout is eligible again after boot; one "
        "not done never vanishes"
    ),
    Invariant.UNREPORTED_ERROR: (
        "an append or sync whose I/O failed is not acknowledged, and does no harm to earlier or "
        "later records"
    ),
    Invariant.SILENT_ROT: (
        "damage is reported, never returned as data, never a reason to drop acknowledged "
        "records without a word"
    ),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant.

    Attributes:
        invariant: the rule that was broken.
        where: which recovery or call showed it, such as `boot 2` or `first recovery`.
        message: one sentence for a person, with the record or operation that it is about.
        allowed: what would have been right, short.
        found: what was found, short.
    """

    invariant: Invariant
    where: str
    message: str
    allowed: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the oracle says of one case.

    Attributes:
        verdict: `FAIL` if anything was violated, `INCONCLUSIVE` if nothing could be judged.
        violations: most telling first; the first names the finding.
        judged: the invariants that applied and were looked at.
        unjudged: the invariants that were asked for and did not apply, each with the reason.
    """

    verdict: Verdict
    violations: tuple[Violation, ...]
    judged: frozenset[Invariant]
    unjudged: tuple[tuple[Invariant, str], ...]
