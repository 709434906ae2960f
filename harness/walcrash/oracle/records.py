"""Records: what a replay showed against what it may show.

Every record of a case has its own `ts_ms`, so a shown record is recognised by it and then
compared in full. A shown record with an unknown `ts_ms` whose other fields are those of one
missing record is that record, altered. Then three questions are asked: is each shown record
right, are they in append order, and is anything missing that has to be there?

A record of an operation that compaction may have dropped is not missed, with one exception: a
MarkDone may go only together with its PutOperation. What keeps the put and loses the mark
brings a done operation back to life. The other way round is harmless, since a mark of an
unknown operation is ignored.

Not here: how certain each record is (`log`), and what follows for the state (`state`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from walcrash.oracle.log import Certainty, Expectation, Expected
from walcrash.oracle.wording import (
    difference,
    label,
    listing,
    more,
    name,
    records_listing,
)
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import RecoveredRecord
from walcrash.values.verdict import Invariant, Violation

Shown = Sequence[RecoveredRecord]
Matches = Sequence[int | None]

_Content = tuple[RecordType, str, bytes, str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out of one replay.

    Attributes:
        violations: what is wrong, unordered.
        matches: for each shown record, the index of the expected one that it is; None for a
            record that nobody expected.
    """

    violations: tuple[Violation, ...]
    matches: tuple[int | None, ...]


def compare(expectation: Expectation, shown: Shown, where: str) -> Comparison:
    """Judge the records of one replay; `where` names it, such as `boot 2`."""
    matches = _identify(expectation, shown)
    violations = [
        *_unknown(expectation, shown, matches, where),
        *_altered(expectation, shown, matches, where),
        *_disordered(expectation, shown, matches, where),
        *_missing(expectation, shown, matches, where),
    ]
    return Comparison(tuple(violations), tuple(matches))


def compare_offsets(
    expectation: Expectation, shown: Shown, matches: Matches, end: int | None, where: str
) -> list[Violation]:
    """Judge the offsets of one replay: growing, below the end, and those that appends returned."""
    for before, after in pairwise(shown):
        if after.offset <= before.offset:
            return [
                _offset_violation(
                    where,
                    f"offsets do not grow: {name(before.record)} is at {before.offset}, "
                    f"{name(after.record)} behind it at {after.offset}",
                    f"more than {before.offset}",
                    after.offset,
                )
            ]
    if end is not None and shown and end <= shown[-1].offset:
        return [
            _offset_violation(
                where,
                f"the log ends at {end}, not behind its last record, {name(shown[-1].record)}",
                f"more than {shown[-1].offset}",
                end,
            )
        ]
    for item, index in zip(shown, matches, strict=True):
        entry = None if index is None else expectation.items[index].entry
        if entry and not entry.is_moved and entry.offset not in (None, item.offset):
            return [
                _offset_violation(
                    where,
                    f"{name(item.record)} was at {entry.offset} and is now at {item.offset}",
                    str(entry.offset),
                    item.offset,
                )
            ]
    return []


def _offset_violation(where: str, message: str, allowed: str, found: int) -> Violation:
    return Violation(Invariant.ORDER, where, message, allowed, str(found))


def _identify(expectation: Expectation, shown: Shown) -> list[int | None]:
    by_time = {item.entry.record.ts_ms: i for i, item in enumerate(expectation.items)}
    matches = [by_time.get(item.record.ts_ms) for item in shown]
    if None not in matches:
        return matches
    found = set(matches)
    by_content: dict[_Content, list[int]] = {}
    for index, expected in enumerate(expectation.items):
        if index not in found:
            by_content.setdefault(_content(expected.entry.record), []).append(index)
    strangers = set(expectation.before) | set(expectation.refused) | set(expectation.gone)
    for position, item in enumerate(shown):
        alike = by_content.get(_content(item.record), [])
        is_new = matches[position] is None and item.record.ts_ms not in strangers
        if is_new and len(alike) == 1:
            matches[position] = alike.pop()
    return matches


def _content(record: Record) -> _Content:
    return record.type, record.id, record.payload, record.error, record.next_retry_at_ms


def _unknown(
    expectation: Expectation, shown: Shown, matches: Matches, where: str
) -> list[Violation]:
    unknown = [position for position, index in enumerate(matches) if index is None]
    if not unknown:
        return []
    too_early = [p for p in unknown if shown[p].record.ts_ms in expectation.before]
    phantoms = [p for p in unknown if shown[p].record.ts_ms not in expectation.before]
    allowed = _allowed(expectation)
    violations = []
    if too_early:
        record = shown[too_early[0]].record
        message = f"{name(record)} lies before the offset that the replay was to start from"
        found = records_listing(shown, focus=too_early[0])
        violations.append(Violation(Invariant.ORDER, where, message, allowed, found))
    if phantoms:
        record = shown[phantoms[0]].record
        message = f"{_why_phantom(expectation, record)}{more(len(phantoms) - 1, 'phantoms too')}"
        found = records_listing(shown, focus=phantoms[0])
        violations.append(Violation(Invariant.PHANTOM_RECORD, where, message, allowed, found))
    return violations


def _why_phantom(expectation: Expectation, record: Record) -> str:
    if record.ts_ms in expectation.refused:
        return f"{name(record)} is there, although its append had failed for certain"
    if record.ts_ms in expectation.gone:
        return f"{name(record)} came back: an earlier recovery had shown that it was gone"
    return f"{name(record)} (ts_ms {record.ts_ms}) is there, and was never appended"


def _altered(
    expectation: Expectation, shown: Shown, matches: Matches, where: str
) -> list[Violation]:
    altered = [
        (index, item.record)
        for item, index in zip(shown, matches, strict=True)
        if index is not None and expectation.items[index].entry.record != item.record
    ]
    if not altered:
        return []
    index, found = altered[0]
    appended = expectation.items[index].entry.record
    field, right, wrong = difference(appended, found)
    message = f"{name(appended)} came back with another `{field}`: {wrong}, appended was {right}"
    message += more(len(altered) - 1, "altered")
    return [Violation(Invariant.ALTERED_RECORD, where, message, right, wrong)]


def _disordered(
    expectation: Expectation, shown: Shown, matches: Matches, where: str
) -> list[Violation]:
    seen: dict[int, int] = {}
    highest = -1
    for position, index in enumerate(matches):
        if index is None:
            continue
        record = shown[position].record
        if index in seen:
            message = (
                f"{name(record)} is there twice, as record {seen[index] + 1} and {position + 1}"
            )
        elif index < highest:
            later = expectation.items[highest].entry.record
            message = f"{name(record)} comes behind {name(later)}, which was appended after it"
        else:
            seen[index] = position
            highest = index
            continue
        found = records_listing(shown, focus=position)
        allowed = _allowed(expectation, focus=index)
        return [Violation(Invariant.ORDER, where, message, allowed, found)]
    return []


def _missing(
    expectation: Expectation, shown: Shown, matches: Matches, where: str
) -> list[Violation]:
    present = {index for index in matches if index is not None}
    last_present = max(present, default=-1)
    kept_puts = {
        item.record.id
        for item, index in zip(shown, matches, strict=True)
        if index is not None and item.record.type is RecordType.PUT
    }
    missing = [
        index
        for index, expected in enumerate(expectation.items)
        if index not in present and not _may_be_dropped(expectation, expected, kept_puts)
    ]
    lost = [i for i in missing if expectation.items[i].certainty is Certainty.PROMISED]
    holes = [
        index
        for index in missing
        if index < last_present and expectation.items[index].certainty is Certainty.KEPT
    ]
    puts = [i for i in lost if _record(expectation, i).type is RecordType.PUT]
    marks = [i for i in lost if _record(expectation, i).type is not RecordType.PUT]
    return [
        *_lost(Invariant.LOST_PUT, puts, expectation, shown, where),
        *_lost(Invariant.LOST_MARK, marks, expectation, shown, where),
        *_hole(holes, present, expectation, shown, where),
    ]


def _may_be_dropped(expectation: Expectation, expected: Expected, kept_puts: set[str]) -> bool:
    record = expected.entry.record
    is_mark_of_kept = record.type is RecordType.DONE and record.id in kept_puts
    return record.id in expectation.compactable and not is_mark_of_kept


def _lost(
    invariant: Invariant, lost: list[int], expectation: Expectation, shown: Shown, where: str
) -> list[Violation]:
    if not lost:
        return []
    entry = expectation.items[lost[0]].entry
    found = records_listing(shown, focus=min(lost[0], len(shown)))
    what = "an acknowledged record is gone" if entry.is_replied else "a recovered record is gone"
    why = "was acknowledged" if entry.is_replied else "was shown by an earlier recovery"
    only = f"{found} only" if shown else found
    message = f"{what}: {name(entry.record)} {why}, {_source(where)} shows {only}"
    message += more(len(lost) - 1, "gone")
    return [
        Violation(invariant, where, message, _allowed(expectation, focus=lost[0]), found),
    ]


def _hole(
    holes: list[int], present: set[int], expectation: Expectation, shown: Shown, where: str
) -> list[Violation]:
    if not holes:
        return []
    behind = min(index for index in present if index > holes[0])
    message = (
        f"a hole in the log: {name(_record(expectation, holes[0]))} is missing, "
        f"{name(_record(expectation, behind))} behind it is there"
    )
    found = records_listing(shown, focus=min(holes[0], len(shown)))
    allowed = _allowed(expectation, focus=holes[0])
    return [Violation(Invariant.ORDER, where, message, allowed, found)]


def _source(where: str) -> str:
    return "the replay" if "call" in where else "recovery"


def _record(expectation: Expectation, index: int) -> Record:
    return expectation.items[index].entry.record


def _allowed(expectation: Expectation, *, focus: int = 0) -> str:
    """List what is right; a record in brackets may be missing."""
    labels = [
        label(item.entry.record)
        if item.certainty is Certainty.PROMISED
        and item.entry.record.id not in expectation.compactable
        else f"[{label(item.entry.record)}]"
        for item in expectation.items
    ]
    return listing(labels, focus=focus)
