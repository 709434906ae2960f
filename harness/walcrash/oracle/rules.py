"""The function that judges each invariant, and the asking of all of them.

Each function takes one piece of evidence and returns how it violates its own invariant and no
other one. Of evidence that the invariant is not about it returns nothing.

Not here: texts, needs and ranks of the invariants (`walcrash.values.rules`).
"""

from collections.abc import Callable, Mapping
from typing import Final

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
from walcrash.values.verdict import Invariant, Violation

JudgeRule = Callable[[Evidence], list[Violation]]


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
