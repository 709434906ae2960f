"""Continuation: work after the last recovery, and what the next recovery shows of it.

No fault falls into this work, so every append has to be acknowledged, no call may stay
unanswered, and after the clean close the next recovery has to show what the last one showed,
then the new records. Whatever is wrong with that is `not-appendable`: the images that crashes
leave are judged elsewhere, this one a working subject left by itself.

Also here: refused appends in later boots of a case, since each of those follows a recovery.

A refusal that is certain (`definite`) may be the subject's own limit: a value too long, a mark of
an operation that it does not know. One such refusal is no violation. After a recovery that the
subject takes no record at all is one.

Not here: whether the ticks sent what was due (`effects`).
"""

from collections.abc import Sequence, Set
from dataclasses import replace

from walcrash.oracle.effects import EffectWatch
from walcrash.oracle.log import Log
from walcrash.oracle.records import compare, compare_offsets
from walcrash.oracle.resume import check_live_replay
from walcrash.oracle.state import puts_shown
from walcrash.oracle.wording import explanation, id_text, listing, name
from walcrash.values.history import BootEnd, Call, Outcome
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.recovery import Recovery, RecoveryFailure
from walcrash.values.verdict import Invariant, Violation


def check_work(
    log: Log, effects: EffectWatch, base: Recovery, calls: Sequence[Call], boot: int
) -> list[Violation]:
    """Judge the calls after the last recovery, and take them into the log.

    Args:
        log: the log as `base` showed it.
        effects: the effects of all boots.
        base: the recovery that the calls came after.
        calls: in order.
        boot: the number that this boot would have, from 1.
    """
    violations = []
    puts = puts_shown(base.records)
    for index, call in enumerate(calls):
        where = f"after recovery, call {index}"
        if call.replayed is not None and call.outcome is Outcome.ACKNOWLEDGED:
            violations += _as_not_appendable(check_live_replay(log, call.replayed, where))
        violations += check_append(call, where)
        violations += check_growth(log, call, where)
        if call.outcome is Outcome.UNANSWERED:
            violations.append(unanswered(Invariant.NOT_APPENDABLE, call, where))
        record = call.operation.record
        # Without a crash nobody can tell whether an append sends before or after it writes.
        if record is not None and record.type is RecordType.PUT:
            puts.add(record.id)
        violations += effects.call(call, (boot, index), where)
        violations += _effects_of_unknown(call, puts, log.compactable, where)
        log.call(call, (boot, index))
    violations += check_takes_some(calls, "after recovery")
    log.end_boot(_end_of(calls))
    return violations


def check_after(log: Log, after: Recovery | RecoveryFailure, where: str) -> list[Violation]:
    """Judge the recovery after that work; `log` has taken the work in."""
    if log.promises_nothing:
        return []
    if isinstance(after, RecoveryFailure):
        return [failed(Invariant.NOT_APPENDABLE, where, after)]
    expectation = log.expectation()
    comparison = compare(expectation, after.records, where)
    offsets = compare_offsets(expectation, after.records, comparison.matches, after.end, where)
    return _as_not_appendable([*comparison.violations, *offsets])


def check_append(call: Call, where: str) -> list[Violation]:
    """Judge one append after a recovery: it is accepted, or for certain not in the log."""
    record = call.operation.record
    if record is None or call.outcome is not Outcome.REFUSED:
        return []
    return [_refusal(call, where, f"the append of {name(record)} was refused after a recovery")]


def check_takes_some(calls: Sequence[Call], where: str) -> list[Violation]:
    """Judge the appends after the last recovery together: some of them have to be accepted.

    They are small, and their ids are new, so no limit of the subject explains that all are
    refused.
    """
    appends = [call for call in calls if call.operation.record is not None]
    if any(call.outcome is not Outcome.REFUSED_DEFINITE for call in appends) or not appends:
        return []
    count = len(appends)
    text = f"each of {count} new records was refused after a recovery, the last one"
    return [_refusal(appends[-1], where, text)]


def check_takes_known(calls: Sequence[Call], sizes: Set[int], where: str) -> list[Violation]:
    """Judge the appends of a later boot together.

    A few records of a workload may all be over a limit. So it is a violation only where none was
    accepted and one of the refused is a put of a size that the subject has taken before.

    Args:
        calls: those of the boot.
        sizes: payload lengths in bytes of puts that were acknowledged in earlier boots.
        where: which boot.
    """
    appends = [call for call in calls if call.operation.record is not None]
    if any(call.outcome is not Outcome.REFUSED_DEFINITE for call in appends):
        return []
    known = [call for call in appends if put_size(call) in sizes]
    if not known:
        return []
    text = (
        "no record was accepted after a recovery, not even one of a size that was accepted before"
    )
    return [_refusal(known[0], where, text)]


def put_size(call: Call) -> int | None:
    """Return the payload's length of a put, in bytes; None for any other call."""
    record = call.operation.record
    if record is None or record.type is not RecordType.PUT:
        return None
    return len(record.payload)


def _refusal(call: Call, where: str, text: str) -> Violation:
    return Violation(
        Invariant.NOT_APPENDABLE,
        where,
        f"{text}: {explanation(call.error)}",
        Outcome.ACKNOWLEDGED.value,
        call.outcome.value,
    )


def check_growth(log: Log, call: Call, where: str) -> list[Violation]:
    """Judge the offset that an append returned: it lies behind that of the last record."""
    if call.operation.record is None or call.offset is None or not log.entries:
        return []
    last = log.entries[-1]
    if last.offset is None or last.is_moved or call.offset > last.offset:
        return []
    message = (
        f"{name(call.operation.record)} was appended at {call.offset}, which is not behind "
        f"{name(last.record)} at {last.offset}"
    )
    return [
        Violation(Invariant.ORDER, where, message, f"more than {last.offset}", str(call.offset))
    ]


def unanswered(invariant: Invariant, call: Call, where: str) -> Violation:
    """Return the violation of a call that no fault interrupted and that never replied."""
    kind = call.operation.kind.value
    message = f"the subject ended by itself during `{kind}`, and no fault explains it"
    if call.error:
        message += f": {explanation(call.error)}"
    return Violation(invariant, where, message, "a reply", "no reply")


def failed(invariant: Invariant, where: str, failure: RecoveryFailure) -> Violation:
    """Return the violation of a recovery that showed nothing."""
    message = f"recovery failed ({failure.kind.value}): {explanation(failure.message)}"
    return Violation(invariant, where, message, "a recovery", failure.kind.value)


def _effects_of_unknown(
    call: Call, puts: set[str], compactable: set[str], where: str
) -> list[Violation]:
    unknown = [item for item in call.effects if item not in puts and item not in compactable]
    if not unknown:
        return []
    message = f"operation {id_text(unknown[0])} was sent, and its PutOperation is not in the log"
    found = listing([id_text(item) for item in unknown])
    return [Violation(Invariant.EFFECT_BEFORE_APPEND, where, message, "no effect", found)]


def _end_of(calls: Sequence[Call]) -> BootEnd:
    """Without an acknowledged close the boot ended as by a kill."""
    is_closed = any(
        call.operation.kind is OperationKind.CLOSE and call.outcome is Outcome.ACKNOWLEDGED
        for call in calls
    )
    return BootEnd.CLOSED if is_closed else BootEnd.KILLED


def _as_not_appendable(violations: Sequence[Violation]) -> list[Violation]:
    return [
        replace(
            item,
            invariant=Invariant.NOT_APPENDABLE,
            message=f"after recovery and new records, {item.message}",
        )
        for item in violations
    ]
