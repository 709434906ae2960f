"""`unrecoverable`: a recovery succeeds, and so the subject lives until it is stopped.

Also here: how the other rules report a recovery that failed, or a call that never replied. Some
of these facts break two rules at once. They are reported under the one that says more, or under
the other one where only that one was asked for.

Not here: what a failure is (`walcrash.values.recovery`).
"""

from walcrash.oracle.evidence import Died, FailedRecovery
from walcrash.oracle.wording import explanation
from walcrash.values.history import Call
from walcrash.values.recovery import RecoveryFailure
from walcrash.values.verdict import Invariant, Violation


def judge_unrecoverable(evidence: FailedRecovery | Died) -> list[Violation]:
    """Judge that no recovery fails.

    Where `not-appendable` was not asked for, a subject that ended by itself is judged here.
    """
    match evidence:
        case FailedRecovery(breaks=Invariant.UNRECOVERABLE, where=where, failure=failure):
            return [failed(Invariant.UNRECOVERABLE, where, failure)]
        case Died(breaks=Invariant.UNRECOVERABLE, where=where, call=call):
            return [unanswered(Invariant.UNRECOVERABLE, where, call)]
    return []


def failed(invariant: Invariant, where: str, failure: RecoveryFailure) -> Violation:
    """Return the violation of a recovery that showed nothing."""
    message = f"recovery failed ({failure.kind.value}): {explanation(failure.message)}"
    return Violation(invariant, where, message, "a recovery", failure.kind.value)


def unanswered(invariant: Invariant, where: str, call: Call) -> Violation:
    """Return the violation of a call that no fault interrupted and that never replied."""
    kind = call.operation.kind.value
    message = f"the subject ended by itself during `{kind}`, and no fault explains it"
    if call.error:
        message += f": {explanation(call.error)}"
    return Violation(invariant, where, message, "a reply", "no reply")
