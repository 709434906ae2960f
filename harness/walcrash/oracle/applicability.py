"""Applicability: why a rule was not judged in a case.

An invariant that was not judged is never counted as kept: it is reported with its reason.

Not here: what each rule needs (`walcrash.values.rules`), and noting that it was judged
(`findings`).
"""

from walcrash.values.contract import Contract, Promise
from walcrash.values.history import BootEnd, History
from walcrash.values.recovery import RecoveryFailure
from walcrash.values.rule import INJECTED, Occasion
from walcrash.values.rules import RULES
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant


def reason_unjudged(invariant: Invariant, terms: Terms, history: History) -> str:
    """Return why an invariant was not judged in this case."""
    rule = RULES[invariant]
    rotted = [history.recoveries.rotted, *(boot.rotted for boot in history.boots)]
    if rule.occasion is Occasion.ROT and any(rotted):
        return "the contract does not say that it detects rot"
    if rule.occasion in INJECTED:
        return rule.occasion.value
    if not rule.is_supported(terms.supports):
        return f"the subject lacks `{rule.capability}`"
    if _has_failed(history):
        return "a recovery failed before it could be judged"
    without_promise = _end_without_promise(terms.contract, history)
    if without_promise is not None:
        return f"the contract promises nothing after {without_promise}"
    if not rule.is_due(Promise.PREFIX) and _has_prefix(terms.contract, history):
        return "the contract promises a prefix, whose holes are judged as `order`"
    if not history.boots and Occasion.IMAGE in rule.also_on:
        return Occasion.IMAGE.value
    return rule.occasion.value


def _has_failed(history: History) -> bool:
    boots = [boot.recovery for boot in history.boots if not boot.gave_up]
    shown = [*boots, history.recoveries.first]
    return any(isinstance(recovery, RecoveryFailure) for recovery in shown)


def _has_prefix(contract: Contract, history: History) -> bool:
    ends = {boot.end for boot in history.boots}
    after_power_loss = BootEnd.POWER_LOST in ends and contract.power is Promise.PREFIX
    return contract.kill is Promise.PREFIX or after_power_loss


def _end_without_promise(contract: Contract, history: History) -> str | None:
    ends = {boot.end for boot in history.boots}
    if BootEnd.POWER_LOST in ends and contract.power is Promise.NONE:
        return "a power loss"
    has_kill = bool(ends & {BootEnd.KILLED, BootEnd.DIED})
    return "a kill" if has_kill and contract.kill is Promise.NONE else None
