"""Comparison: the records that a replay showed, each with the expected one that it is.

Every record of a case has its own `ts_ms`, so a shown record is recognised by it. A shown
record with an unknown `ts_ms` whose other fields are those of one missing record is that
record, altered.

A record of an operation that compaction may have dropped is not missed, with one exception: a
MarkDone may go only together with its PutOperation. What keeps the put and loses the mark
brings a done operation back to life. The other way round is harmless, since a mark of an
unknown operation is ignored.

Not here: what is wrong with the records (`records`, `order`), and how certain each expected
one is (`log`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from walcrash.oracle.log import Certainty, Entry, Expectation, Expected
from walcrash.oracle.wording import label, listing
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import RecoveredRecord, Recovery, UndecodableRecord

Shown = Sequence[RecoveredRecord]
Matches = Sequence[int | None]

_Content = tuple[RecordType, str, bytes, str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One replay, compared with what it may show.

    Attributes:
        expectation: what it may show.
        shown: what it showed.
        end: the offset behind the last record; None where the replay does not say.
        matches: for each shown record, the index of the expected one that it is; None for a
            record that nobody expected.
        undecodable: what it answered that it cannot decode, in order.
        missing: the indices of expected records that were not shown and were not compacted.
    """

    expectation: Expectation
    shown: Shown
    end: int | None
    matches: tuple[int | None, ...]
    missing: tuple[int, ...]
    undecodable: tuple[UndecodableRecord, ...] = ()

    def entry(self, index: int) -> Entry:
        """Return the expected record with this index."""
        return self.expectation.items[index].entry

    def expected(self, index: int | None) -> Entry | None:
        """Return the expected record that a shown one is; None for a record of nobody."""
        return None if index is None else self.entry(index)

    def is_certain(self, index: int, certainty: Certainty) -> bool:
        """Return whether an expected record is as certain as this."""
        return self.expectation.items[index].certainty is certainty

    def allowed(self, *, focus: int = 0) -> str:
        """List what would be right; a record in brackets may be missing."""
        return listing([self._label(item) for item in self.expectation.items], focus=focus)

    def _label(self, item: Expected) -> str:
        record = item.entry.record
        is_optional = record.id in self.expectation.compactable
        if item.certainty is Certainty.PROMISED and not is_optional:
            return label(record)
        return f"[{label(record)}]"


def compare(
    expectation: Expectation,
    shown: Shown,
    end: int | None,
    undecodable: tuple[UndecodableRecord, ...] = (),
) -> Comparison:
    """Compare one replay with what it may show."""
    matches = _identify(expectation, shown)
    missing = _missing(expectation, shown, matches)
    return Comparison(expectation, shown, end, tuple(matches), tuple(missing), undecodable)


def compare_recovery(expectation: Expectation, recovery: Recovery) -> Comparison:
    """Compare the replay from 0 of a recovery with what it may show."""
    return compare(expectation, recovery.records, recovery.end, recovery.undecodable)


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


def _missing(expectation: Expectation, shown: Shown, matches: Matches) -> list[int]:
    present = set(matches)
    kept_puts = {
        item.record.id
        for item, index in zip(shown, matches, strict=True)
        if index is not None and item.record.type is RecordType.PUT
    }
    return [
        index
        for index, expected in enumerate(expectation.items)
        if index not in present and not _may_be_dropped(expectation, expected, kept_puts)
    ]


def _may_be_dropped(expectation: Expectation, expected: Expected, kept_puts: set[str]) -> bool:
    record = expected.entry.record
    is_mark_of_kept = record.type is RecordType.DONE and record.id in kept_puts
    return record.id in expectation.compactable and not is_mark_of_kept
