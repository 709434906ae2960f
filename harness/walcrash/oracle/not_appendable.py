"""`not-appendable`: a recovered subject takes new records, and the next recovery shows them.

No fault falls into the work after the last recovery, so every append has to be acknowledged, no
call may stay unanswered, and after the clean close the next recovery has to show what the last
one showed, then the new records. Whatever is wrong with that is `not-appendable`: it is the
image that a working subject left by itself, and not one that a crash left.

Refused appends in later boots of a case are judged too, since each of those follows a recovery.
After an injected error of the same boot they are right.

A refusal that is certain (`definite`) may be the subject's own limit: a value too long, a mark of
an operation that it does not know. One such refusal is no violation. After a recovery that the
subject takes no record at all is one, unless the log is full: a new log is asked that (`room`).

Not here: whether the ticks sent what was due (`requeue`), what a full log may hold (`room`).
"""

from collections.abc import Sequence, Set
from dataclasses import replace

from walcrash.oracle.comparison import Comparison
from walcrash.oracle.evidence import (
    AfterWork,
    BootCall,
    Died,
    LaterBoot,
    WorkCall,
    WorkDone,
)
from walcrash.oracle.order import disordered, holes, too_early, wrong_offsets
from walcrash.oracle.records import altered, lost_marks, lost_puts, phantoms
from walcrash.oracle.unrecoverable import failed, unanswered
from walcrash.oracle.wording import explanation, name
from walcrash.values.history import Call, Outcome
from walcrash.values.record import RecordType
from walcrash.values.recovery import RecoveryFailure
from walcrash.values.verdict import Invariant, Violation


def judge_not_appendable(
    evidence: BootCall | LaterBoot | Died | WorkCall | WorkDone | AfterWork,
) -> list[Violation]:
    """Judge the work after a recovery, and what the next recovery shows of it."""
    match evidence:
        case BootCall(where=where, call=call, boot=boot, is_after_error=False):
            return _refused_append(call, where) if boot > 1 else []
        case LaterBoot(where=where, calls=calls, sizes=sizes, is_full=False):
            return _takes_nothing_known(calls, sizes, where)
        case Died(breaks=Invariant.NOT_APPENDABLE, where=where, call=call):
            return [unanswered(Invariant.NOT_APPENDABLE, where, call)]
        case WorkCall():
            return _wrong_work(evidence)
        case WorkDone(where=where, calls=calls, is_full=False):
            return _takes_none(calls, where)
        case AfterWork(where=where, shown=RecoveryFailure() as failure):
            return [failed(Invariant.NOT_APPENDABLE, where, failure)]
        case AfterWork(where=where, shown=Comparison() as comparison):
            return _wrong_records(comparison, where)
    return []


def _wrong_work(work: WorkCall) -> list[Violation]:
    violations = [] if work.replay is None else _wrong_records(work.replay, work.where)
    violations += _refused_append(work.call, work.where)
    if work.call.outcome is Outcome.UNANSWERED:
        violations.append(unanswered(Invariant.NOT_APPENDABLE, work.where, work.call))
    return violations


def _wrong_records(comparison: Comparison, where: str) -> list[Violation]:
    """Whatever is wrong with the records: only the first of these is reported."""
    violations = [
        *too_early(comparison, where),
        *phantoms(comparison, where),
        *altered(comparison, where),
        *disordered(comparison, where),
        *lost_puts(comparison, where),
        *lost_marks(comparison, where),
        *holes(comparison, where),
        *wrong_offsets(comparison, where),
    ]
    return [
        replace(
            item,
            invariant=Invariant.NOT_APPENDABLE,
            message=f"after recovery and new records, {item.message}",
            breaks_as=item.invariant,
        )
        for item in violations
    ]


def _refused_append(call: Call, where: str) -> list[Violation]:
    """Judge one append after a recovery: it is accepted, or for certain not in the log."""
    record = call.operation.record
    if record is None or call.outcome is not Outcome.REFUSED:
        return []
    return [_refusal(call, where, f"the append of {name(record)} was refused after a recovery")]


def _takes_none(calls: Sequence[Call], where: str) -> list[Violation]:
    """Judge the appends after the last recovery together: some of them have to be accepted.

    They are small, and their ids are new, so no limit to a record explains that all are refused.
    """
    appends = all_refused(calls)
    if not appends:
        return []
    count = len(appends)
    text = f"each of {count} new records was refused after a recovery, the last one"
    return [_refusal(appends[-1], where, text)]


def _takes_nothing_known(calls: Sequence[Call], sizes: Set[int], where: str) -> list[Violation]:
    """Judge the appends of a later boot together.

    A few records of a workload may all be over a limit. So it is a violation only where none was
    accepted and one of the refused is a put of a size that the subject has taken before.

    Args:
        calls: those of the boot.
        sizes: payload lengths in bytes of puts that were acknowledged in earlier boots.
        where: which boot.
    """
    known = known_refused(calls, sizes)
    if not known:
        return []
    text = (
        "no record was accepted after a recovery, not even one of a size that was accepted before"
    )
    return [_refusal(known[0], where, text)]


def all_refused(calls: Sequence[Call]) -> list[Call]:
    """Return the appends among some calls, if each of them was refused for certain; else none."""
    appends = [call for call in calls if call.operation.record is not None]
    is_any_other = any(call.outcome is not Outcome.REFUSED_DEFINITE for call in appends)
    return [] if is_any_other else appends


def known_refused(calls: Sequence[Call], sizes: Set[int]) -> list[Call]:
    """Return the puts of known sizes, if each append was refused for certain; else none."""
    return [call for call in all_refused(calls) if put_size(call) in sizes]


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
