"""The invariants: their stable ids, and one rule for each.

Others write against the ids: scenarios, reports, bundles, kept findings. So an id is never
changed or given to another rule.

Not here: how a rule is judged; `walcrash.oracle.rules` names the function for each invariant.
"""

from collections.abc import Mapping
from typing import Final

from walcrash.values.contract import Promise
from walcrash.values.quick_enum import QuickEnum
from walcrash.values.rule import Occasion, Rule


class Invariant(QuickEnum):
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


RULES: Final[Mapping[Invariant, Rule]] = {
    Invariant.LOST_PUT: Rule(
        text="every acknowledged PutOperation is there after recovery",
        rank=20,
        occasion=Occasion.PUT,
        also_on=frozenset({Occasion.IMAGE}),
        promise=Promise.ALL,
    ),
    Invariant.LOST_MARK: Rule(
        text=(
            "every acknowledged MarkDone and MarkFailed is there: no done operation comes back "
            "to life"
        ),
        rank=30,
        occasion=Occasion.MARK,
        also_on=frozenset({Occasion.IMAGE}),
        promise=Promise.ALL,
    ),
    Invariant.ALTERED_RECORD: Rule(
        text="every recovered record equals the appended one, byte for byte",
        rank=40,
        occasion=Occasion.RECORD,
        also_on=frozenset({Occasion.IMAGE}),
    ),
    Invariant.PHANTOM_RECORD: Rule(
        text="nothing is recovered that was never appended",
        rank=50,
    ),
    Invariant.ORDER: Rule(
        text="recovered records keep append order, no hole before an acknowledged one, none twice",
        rank=60,
        occasion=Occasion.RECORD,
        also_on=frozenset({Occasion.IMAGE}),
    ),
    Invariant.DETERMINISM: Rule(
        text=(
            "recovering the same image twice, in other processes with another hash seed, clock, "
            "time zone, locale and file order, gives the same output"
        ),
        # Before the rules about the state: one that other surroundings change obeys none of them.
        rank=85,
        occasion=Occasion.PERTURBED,
    ),
    Invariant.IDEMPOTENCE: Rule(
        text="recovering what a recovery (also one that crashed) left gives the same output",
        rank=130,
        occasion=Occasion.AGAIN,
    ),
    Invariant.CHECKPOINT_AHEAD: Rule(
        text="a checkpoint never exceeds the applied state, and lies on a record boundary",
        rank=90,
        occasion=Occasion.APPLIED,
        also_on=frozenset({Occasion.STATE}),
        capability="checkpoint",
    ),
    Invariant.CHECKPOINT_STATE: Rule(
        text="applied state at the checkpoint plus replay from it equals replay from 0",
        rank=100,
        occasion=Occasion.APPLIED,
        also_on=frozenset({Occasion.STATE}),
        capability="checkpoint",
    ),
    Invariant.UNRECOVERABLE: Rule(
        text=(
            "recovery neither fails, hangs nor exceeds its memory limit on an image that a crash "
            "can leave"
        ),
        rank=10,
    ),
    Invariant.NOT_APPENDABLE: Rule(
        text=(
            "after recovery new records can be appended, and survive the next recovery with all "
            "that came before"
        ),
        rank=140,
        occasion=Occasion.WORK,
    ),
    Invariant.EFFECT_BEFORE_APPEND: Rule(
        text=(
            "no external effect of an operation is visible before its PutOperation would survive "
            "the crash"
        ),
        rank=70,
        occasion=Occasion.EFFECT,
        capability="effects",
    ),
    Invariant.REPEATED_EFFECT: Rule(
        text="no effect after an acknowledged MarkDone",
        rank=80,
        occasion=Occasion.TICK,
        also_on=frozenset({Occasion.WORK}),
        capability="effects",
    ),
    Invariant.REQUEUE: Rule(
        text=(
            "an operation in flight for longer than the timeout is eligible again after boot; one "
            "not done never vanishes"
        ),
        rank=110,
        occasion=Occasion.TICK,
        also_on=frozenset({Occasion.STATE}),
        capability="effects",
    ),
    Invariant.UNREPORTED_ERROR: Rule(
        text=(
            "an append or sync whose I/O failed is not acknowledged, and does no harm to earlier "
            "or later records"
        ),
        rank=150,
        occasion=Occasion.IO_ERROR,
    ),
    Invariant.SILENT_ROT: Rule(
        text=(
            "damage is reported, never returned as data, never a reason to drop acknowledged "
            "records without a word"
        ),
        rank=160,
        occasion=Occasion.ROT,
    ),
}

MOST_SEVERE_FIRST: Final = tuple(sorted(Invariant, key=lambda each: RULES[each].rank))
"""The invariants by rank."""
