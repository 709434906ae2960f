"""Applicability: which invariants need what, and what to say where it is missing.

An invariant that was not looked at is never counted as kept: it is reported with its reason.

Not here: the looking itself. `judge` notes what it looked at.
"""

from walcrash.values.contract import Contract, Promise
from walcrash.values.history import BootEnd, History
from walcrash.values.recovery import RecoveryFailure
from walcrash.values.verdict import Invariant

NEEDS = {
    Invariant.CHECKPOINT_AHEAD: "checkpoint",
    Invariant.CHECKPOINT_STATE: "checkpoint",
    Invariant.EFFECT_BEFORE_APPEND: "effects",
    Invariant.REPEATED_EFFECT: "effects",
    Invariant.REQUEUE: "effects",
}
"""The capability without which an invariant cannot be judged."""

RECORD_RULES = (
    Invariant.UNRECOVERABLE,
    Invariant.ALTERED_RECORD,
    Invariant.PHANTOM_RECORD,
    Invariant.ORDER,
)
"""The invariants that every recovery after a boot is held against."""

LOSS_RULES = (Invariant.LOST_PUT, Invariant.LOST_MARK)
"""The invariants on loss, which need more than the promise of a prefix."""

STATE_RULES = (Invariant.CHECKPOINT_AHEAD, Invariant.CHECKPOINT_STATE, Invariant.REQUEUE)
"""The invariants that the state of a recovery can break."""

EFFECT_RULES = (Invariant.EFFECT_BEFORE_APPEND, Invariant.REPEATED_EFFECT)
"""The invariants that every effect is held against."""

_NOT_YET = {
    Invariant.UNREPORTED_ERROR: "no I/O error was injected",
    Invariant.SILENT_ROT: "nothing was damaged at rest",
}

_NOT_MADE = {
    Invariant.DETERMINISM: "no recovery in other surroundings was made",
    Invariant.IDEMPOTENCE: "no recovery of what a recovery left was made",
    Invariant.NOT_APPENDABLE: "nothing was called after a recovery",
    Invariant.REQUEUE: "no tick was made after the last recovery",
    Invariant.CHECKPOINT_AHEAD: "no recovery showed a state",
    Invariant.CHECKPOINT_STATE: "no recovery showed a state",
}


def reason_unjudged(
    invariant: Invariant, contract: Contract, history: History, supports: frozenset[str]
) -> str:
    """Return why an invariant was not looked at in this case."""
    if invariant in _NOT_YET:
        return _NOT_YET[invariant]
    capability = NEEDS.get(invariant)
    if capability is not None and capability not in supports:
        return f"the subject lacks `{capability}`"
    if _has_failed(history):
        return "a recovery failed before it could be judged"
    without_promise = _ends_without_promise(contract, history)
    if without_promise:
        return f"the contract promises nothing after {without_promise}"
    if invariant in LOSS_RULES and contract.kill is Promise.PREFIX:
        return "the contract promises a prefix, whose holes are judged as `order`"
    return _NOT_MADE.get(invariant, "no recovery after a boot was made")


def _has_failed(history: History) -> bool:
    shown = [*(boot.recovery for boot in history.boots), history.recoveries.first]
    return any(isinstance(recovery, RecoveryFailure) for recovery in shown)


def _ends_without_promise(contract: Contract, history: History) -> str:
    ends = {boot.end for boot in history.boots}
    if BootEnd.POWER_LOST in ends and contract.power is Promise.NONE:
        return "a power loss"
    has_kill = bool(ends & {BootEnd.KILLED, BootEnd.DIED})
    return "a kill" if has_kill and contract.kill is Promise.NONE else ""
