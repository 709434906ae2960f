"""`unreported-error`: who meets an I/O error says so, or has kept the promise all the same.

After an error every other rule holds on: an operation that was acknowledged is there, whatever
failed under it, and neither what came before nor what comes after is harmed. So what breaks another
rule from an injected error on is reported under this one, with the error (`findings`). Whether the
case breaks that rule without the error too is asked by running it (`walcrash.case.plain`).

To be refused is right from the error on: the subject may take no more, and may end its process. An
operation that was refused may be there or not, unless it was refused for certain. A subject that
makes the same calls again for ever, or hangs, is wrong; that alone is judged here.

Source: `harness/walcrash/docs/reference/invariants.md`, `unreported-error`.
"""

from dataclasses import replace

from walcrash.oracle.evidence import Stuck
from walcrash.oracle.wording import explanation
from walcrash.values.io_error import IoError
from walcrash.values.verdict import Invariant, Violation

_ALLOWED = "a reply, or the end of the process"


def judge_unreported_error(evidence: Stuck) -> list[Violation]:
    """Judge that a call which met an error comes to an end."""
    call = evidence.call
    why = f": {explanation(call.error)}" if call.error else ""
    message = f"`{call.operation.kind.value}` never came to an end{why}"
    return [Violation(Invariant.UNREPORTED_ERROR, evidence.where, message, _ALLOWED, "no reply")]


def after_error(violation: Violation, error: IoError) -> Violation:
    """Return a violation that showed after an injected error, as one of this rule.

    Args:
        violation: what was broken.
        error: the last error before it.
    """
    rule = Invariant.UNREPORTED_ERROR
    broken = "" if violation.invariant is rule else f" ({violation.invariant.value})"
    return replace(with_error(violation, error, broken=broken), invariant=rule)


def with_error(violation: Violation, error: IoError, *, broken: str = "") -> Violation:
    """Return a violation with the error that came before it, and perhaps the rule in brackets."""
    message = f"{violation.message}{broken}; before that, {error}"
    return replace(violation, message=message)
