"""Refusals without a fault: a case in which nothing was done to the subject, and it said no.

After a fault a refusal is honest. In a control it shows that the subject cannot do what it says
that it supports: that is `not-appendable`, the rule that a log which was opened is as good as a new
one. Where a scenario does not ask for that rule, nothing that the campaign would say about the
operation holds, and the campaign says so.

A single append that is refused for certain is no refusal in this sense: a subject may have
limits to what it takes, and says so. One that takes no record at all cannot be tested.

Not here: appends refused after a recovery, which a crash may explain (`not_appendable`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`: `supports`, and what a
failure means.
"""

from collections.abc import Iterator
from dataclasses import replace

from walcrash.oracle.wording import explanation, more, name
from walcrash.values.history import Call, History, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.rules import RULES
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation


def with_refusals(terms: Terms, judgement: Judgement, history: History) -> Judgement:
    """Return the judgement of a control with what the subject refused in it.

    Args:
        terms: what is asked for.
        judgement: what the rules say of the control.
        history: the control's.
    """
    rule = Invariant.NOT_APPENDABLE
    refused = refusal_without_fault(history)
    is_known = any(violation.invariant is rule for violation in judgement.violations)
    if not refused or is_known or rule not in terms.invariants:
        return judgement
    where, outcome = "a case without any crash", Outcome.REFUSED.value
    violation = Violation(rule, where, refused, Outcome.ACKNOWLEDGED.value, outcome)
    every = sorted((*judgement.violations, violation), key=lambda each: RULES[each.invariant].rank)
    return replace(
        judgement,
        verdict=Verdict.FAIL,
        violations=tuple(every),
        judged=judgement.judged | {rule},
    )


def refusal_without_fault(history: History) -> str:
    """Return what a subject refused in a case without any fault, as a sentence; empty if nothing.

    `open` is left out: a recovery that fails is judged as one.
    """
    calls = list(_calls(history))
    refused = [(where, call) for where, call in calls if call.outcome is Outcome.REFUSED]
    if not refused:
        appends = [each for each in calls if each[1].operation.kind is OperationKind.APPEND]
        definite = [each for each in appends if each[1].outcome is Outcome.REFUSED_DEFINITE]
        refused = definite if len(definite) == len(appends) else []
    if not refused:
        return ""
    where, call = refused[0]
    others = more(len(refused) - 1, "refused")
    return f"it refused {_named(call)} {where}: {explanation(call.error)}{others}"


def _calls(history: History) -> Iterator[tuple[str, Call]]:
    for number, boot in enumerate(history.boots, start=1):
        for index, call in enumerate(boot.calls):
            is_asked = call.outcome is not Outcome.NOT_ASKED
            if is_asked and call.operation.kind is not OperationKind.OPEN:
                yield f"in boot {number}, call {index}", call
    for index, call in enumerate(history.recoveries.continued):
        if call.outcome is not Outcome.NOT_ASKED:
            yield f"after recovery, call {index}", call


def _named(call: Call) -> str:
    record = call.operation.record
    kind = f"`{call.operation.kind.value}`"
    return kind if record is None else f"{kind} of {name(record)}"
