"""Refusals without a fault: a case in which nothing was done to the subject, and it said no.

No rule of the contract covers a refusal: after a fault it is honest, and without one it shows
that the subject cannot do what it says that it supports, so nothing that the campaign would say
about that operation holds. It is no finding, since no crash is involved.

A single append that is refused for certain is no refusal in this sense: a subject may have
limits to what it takes, and says so. One that takes no record at all cannot be tested.

Not here: appends refused after a recovery, which a crash may explain (`not_appendable`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`: `supports`, and what a
failure means.
"""

from collections.abc import Iterator

from walcrash.oracle.wording import explanation, more, name
from walcrash.values.history import Call, History, Outcome
from walcrash.values.operation import OperationKind


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
            if call.operation.kind is not OperationKind.OPEN:
                yield f"in boot {number}, call {index}", call
    for index, call in enumerate(history.recoveries.continued):
        yield f"after recovery, call {index}", call


def _named(call: Call) -> str:
    record = call.operation.record
    kind = f"`{call.operation.kind.value}`"
    return kind if record is None else f"{kind} of {name(record)}"
