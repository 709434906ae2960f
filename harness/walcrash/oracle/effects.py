"""Effects: `effect-before-append` and `repeated-effect`.

`effect-before-append`: an effect cannot be taken back, so the PutOperation behind it has to
survive whatever comes after. It is enough that it is there after the crash; whether its
append had replied does not matter. Every effect of a case is held against every recovery that
follows it. A send after the last recovery needs a PutOperation in the log as well.

`repeated-effect`: no effect once the operation must not be sent any more (`effect_watch`).

Not here: what has to be sent (`requeue`).
"""

from walcrash.oracle.effect_watch import EffectWatch
from walcrash.oracle.evidence import BootCall, Survivors, WorkCall
from walcrash.oracle.wording import id_text, listing, more
from walcrash.values.history import Call
from walcrash.values.verdict import Invariant, Violation


def judge_effect_before_append(evidence: Survivors | WorkCall) -> list[Violation]:
    """Judge that every operation that had an effect is in the log."""
    match evidence:
        case Survivors():
            return _orphans(evidence)
        case WorkCall():
            return _effects_of_unknown(evidence)


def judge_repeated_effect(evidence: BootCall | WorkCall) -> list[Violation]:
    """Judge that no operation is sent again after it was done for certain."""
    return _repeated(evidence.call, evidence.effects, evidence.where)


def _orphans(left: Survivors) -> list[Violation]:
    seen = left.effects.seen()
    orphans = [item for item in seen if item not in left.puts and item not in left.compactable]
    if not orphans:
        return []
    message = (
        f"operation {id_text(orphans[0])} had its effect in {seen[orphans[0]]}, and "
        f"its PutOperation is not there after the crash{more(len(orphans) - 1, 'not there')}"
    )
    allowed = f"PutOperation {id_text(orphans[0])}"
    found = listing([id_text(item) for item in sorted(left.puts)])
    return [Violation(Invariant.EFFECT_BEFORE_APPEND, left.where, message, allowed, found)]


def _effects_of_unknown(work: WorkCall) -> list[Violation]:
    known = work.puts | work.log.compactable
    unknown = [item for item in work.call.effects if item not in known]
    if not unknown:
        return []
    message = f"operation {id_text(unknown[0])} was sent, and its PutOperation is not in the log"
    found = listing([id_text(item) for item in unknown])
    return [Violation(Invariant.EFFECT_BEFORE_APPEND, work.where, message, "no effect", found)]


def _repeated(call: Call, effects: EffectWatch, where: str) -> list[Violation]:
    for sent in call.effects:
        done = effects.done_since(sent)
        if done is not None:
            message = f"operation {id_text(sent)} was sent again: {done}"
            found = id_text(sent)
            return [Violation(Invariant.REPEATED_EFFECT, where, message, "no effect", found)]
    return []
