"""`order`: records keep append order, without holes, and at offsets that grow.

Replays from the middle belong to it too: such a replay shows what a replay from 0 shows from
there on.

Not here: an offset that is no record boundary. A subject may refuse it, so a refused replay is
no violation.
"""

from itertools import pairwise

from walcrash.oracle.comparison import Comparison
from walcrash.oracle.evidence import BootCall, Replayed, RightRecords, WorkCall
from walcrash.oracle.log import Certainty, Log
from walcrash.oracle.resume import wrong_resumes
from walcrash.oracle.wording import name, records_listing
from walcrash.values.history import Call
from walcrash.values.verdict import Invariant, Violation


def judge_order(
    evidence: Replayed | RightRecords | BootCall | WorkCall,
) -> list[Violation]:
    """Judge the order of records and their offsets, in replays and in appends."""
    match evidence:
        case Replayed(where=where, comparison=comparison):
            return [
                *too_early(comparison, where),
                *disordered(comparison, where),
                *holes(comparison, where),
                *wrong_offsets(comparison, where),
            ]
        case RightRecords(where=where, recovery=recovery):
            wrong = wrong_resumes(recovery, at_checkpoint=False)
            return [each.violation(Invariant.ORDER, where) for each in wrong]
        case BootCall() | WorkCall():
            return _growth(evidence.log, evidence.call, evidence.where)


def too_early(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a record lies before the offset that the replay started from."""
    before, shown = comparison.expectation.before, comparison.shown
    early = [
        position
        for position, index in enumerate(comparison.matches)
        if index is None and shown[position].record.ts_ms in before
    ]
    if not early:
        return []
    record = shown[early[0]].record
    message = f"{name(record)} lies before the offset that the replay was to start from"
    found, allowed = records_listing(shown, focus=early[0]), comparison.allowed()
    return [Violation(Invariant.ORDER, where, message, allowed, found, record.ts_ms)]


def disordered(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation of the first record that is there twice or too late."""
    seen: dict[int, int] = {}
    highest = -1
    for position, index in enumerate(comparison.matches):
        if index is None:
            continue
        record = comparison.shown[position].record
        if index in seen:
            message = (
                f"{name(record)} is there twice, as record {seen[index] + 1} and {position + 1}"
            )
        elif index < highest:
            later = comparison.entry(highest).record
            message = f"{name(record)} comes behind {name(later)}, which was appended after it"
        else:
            seen[index] = position
            highest = index
            continue
        found = records_listing(comparison.shown, focus=position)
        allowed = comparison.allowed(focus=index)
        return [Violation(Invariant.ORDER, where, message, allowed, found, record.ts_ms)]
    return []


def holes(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a record has to be there because a later one is."""
    present = {index for index in comparison.matches if index is not None}
    last_present = max(present, default=-1)
    missing = [
        index
        for index in comparison.missing
        if index < last_present and comparison.is_certain(index, Certainty.KEPT)
    ]
    if not missing:
        return []
    hole = missing[0]
    behind = min(index for index in present if index > hole)
    message = (
        f"a hole in the log: {name(comparison.entry(hole).record)} is missing, "
        f"{name(comparison.entry(behind).record)} behind it is there"
    )
    found = records_listing(comparison.shown, focus=min(hole, len(comparison.shown)))
    allowed, ts_ms = comparison.allowed(focus=hole), comparison.entry(hole).record.ts_ms
    return [Violation(Invariant.ORDER, where, message, allowed, found, ts_ms)]


def wrong_offsets(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation of the first offset that is wrong.

    Offsets grow, lie before the end, and are those that the appends returned.
    """
    shown, end = comparison.shown, comparison.end
    for before, after in pairwise(shown):
        if after.offset <= before.offset:
            message = (
                f"offsets do not grow: {name(before.record)} is at {before.offset}, "
                f"{name(after.record)} behind it at {after.offset}"
            )
            return [_offset_violation(where, message, f"more than {before.offset}", after.offset)]
    if end is not None and shown and end <= shown[-1].offset:
        message = f"the log ends at {end}, not behind its last record, {name(shown[-1].record)}"
        return [_offset_violation(where, message, f"more than {shown[-1].offset}", end)]
    for item, index in zip(shown, comparison.matches, strict=True):
        entry = comparison.expected(index)
        if entry and not entry.is_moved and entry.offset not in (None, item.offset):
            message = f"{name(item.record)} was at {entry.offset} and is now at {item.offset}"
            return [_offset_violation(where, message, str(entry.offset), item.offset)]
    return []


def _growth(log: Log, call: Call, where: str) -> list[Violation]:
    """Return the violation if an append returned an offset not behind that of the last record."""
    if call.operation.record is None or call.offset is None or not log.entries:
        return []
    last = log.entries[-1]
    if last.offset is None or last.is_moved or call.offset > last.offset:
        return []
    message = (
        f"{name(call.operation.record)} was appended at {call.offset}, which is not behind "
        f"{name(last.record)} at {last.offset}"
    )
    return [_offset_violation(where, message, f"more than {last.offset}", call.offset)]


def _offset_violation(where: str, message: str, allowed: str, found: int) -> Violation:
    return Violation(Invariant.ORDER, where, message, allowed, str(found))
