"""Records: `lost-put`, `lost-mark`, `altered-record` and `phantom-record`.

Each is judged on a replay that was compared with the log: is each shown record one that was
appended and as it was appended, and is none missing that has to be there?

Not here: which shown record is which expected one (`comparison`), their order (`order`), and
what follows for the state (`state`).
"""

from walcrash.oracle.comparison import Comparison
from walcrash.oracle.evidence import Replayed
from walcrash.oracle.log import Certainty, Expectation
from walcrash.oracle.wording import difference, more, name, records_listing, undecodable_text
from walcrash.values.record import Record, RecordType
from walcrash.values.verdict import Invariant, Violation

# limits
TELLING_BYTES = 8
"""Shortest text or payload by which another record is named: a shorter one says little."""


def judge_lost_put(evidence: Replayed) -> list[Violation]:
    """Judge that every promised PutOperation is there."""
    return lost_puts(evidence.comparison, evidence.where)


def judge_lost_mark(evidence: Replayed) -> list[Violation]:
    """Judge that every promised MarkDone and MarkFailed is there."""
    return lost_marks(evidence.comparison, evidence.where)


def judge_altered_record(evidence: Replayed) -> list[Violation]:
    """Judge that every record that is there is as it was appended."""
    return altered(evidence.comparison, evidence.where)


def judge_phantom_record(evidence: Replayed) -> list[Violation]:
    """Judge that nothing is there that was never appended, refused for certain, or gone."""
    return phantoms(evidence.comparison, evidence.where)


def lost_puts(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a promised PutOperation is missing."""
    puts = [i for i in _lost(comparison) if comparison.entry(i).record.type is RecordType.PUT]
    return _loss(Invariant.LOST_PUT, puts, comparison, where)


def lost_marks(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a promised mark is missing."""
    marks = [i for i in _lost(comparison) if comparison.entry(i).record.type is not RecordType.PUT]
    return _loss(Invariant.LOST_MARK, marks, comparison, where)


def altered(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a record is not as it was appended."""
    different = [
        (entry.record, item.record)
        for item, index in zip(comparison.shown, comparison.matches, strict=True)
        if (entry := comparison.expected(index)) is not None and entry.record != item.record
    ]
    if not different:
        return []
    appended, found = different[0]
    field, right, wrong = difference(appended, found)
    message = f"{name(appended)} came back with another `{field}`: {wrong}, appended was {right}"
    owner = _owner(comparison.expectation, found, field, but=appended.ts_ms)
    if owner is not None:
        message += f"; that is the `{field}` of {name(owner)}"
    message += more(len(different) - 1, "altered")
    return [Violation(Invariant.ALTERED_RECORD, where, message, right, wrong, appended.ts_ms)]


def phantoms(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a record is there that nobody expected.

    What a replay answers as undecodable is one: it was never appended as what it is.
    """
    if comparison.undecodable:
        return [_undecodable(comparison, where)]
    return strangers(comparison, where)


def strangers(comparison: Comparison, where: str) -> list[Violation]:
    """Return the violation if a replay shows a record, as one, that nobody expected."""
    expectation, shown = comparison.expectation, comparison.shown
    unknown = [
        position
        for position, index in enumerate(comparison.matches)
        if index is None and shown[position].record.ts_ms not in expectation.before
    ]
    if not unknown:
        return []
    record = shown[unknown[0]].record
    message = f"{_why_phantom(expectation, record)}{more(len(unknown) - 1, 'phantoms too')}"
    found, allowed = records_listing(shown, focus=unknown[0]), comparison.allowed()
    return [Violation(Invariant.PHANTOM_RECORD, where, message, allowed, found, record.ts_ms)]


def _undecodable(comparison: Comparison, where: str) -> Violation:
    first = comparison.undecodable[0]
    message = f"{undecodable_text(first)} is there, and was never appended as that"
    message += more(len(comparison.undecodable) - 1, "undecodable too")
    found = records_listing(
        comparison.shown, focus=first.before, undecodable=comparison.undecodable
    )
    return Violation(Invariant.PHANTOM_RECORD, where, message, comparison.allowed(), found)


def _why_phantom(expectation: Expectation, record: Record) -> str:
    """Return what came back, by its content: a time alone makes no record."""
    if expectation.refused.get(record.ts_ms) == record:
        return f"{name(record)} is there, although its append had failed for certain"
    if expectation.gone.get(record.ts_ms) == record:
        return f"{name(record)} came back: an earlier recovery had shown that it was gone"
    message = f"{name(record)} (ts_ms {record.ts_ms}) is there, and was never appended"
    timed = expectation.refused.get(record.ts_ms) or expectation.gone.get(record.ts_ms)
    if timed is not None:
        field, right, wrong = difference(timed, record)
        return (
            f"{message}: its ts_ms is that of {name(timed)}, its `{field}` {wrong} and not {right}"
        )
    owner = _owner(expectation, record, "payload", but=record.ts_ms)
    return message if owner is None else f"{message}; its `payload` is that of {name(owner)}"


def _owner(expectation: Expectation, record: Record, field: str, *, but: int) -> Record | None:
    """Return the one other record that was appended with this value in a field, if it says much."""
    value = getattr(record, field)
    if not isinstance(value, str | bytes) or len(value) < TELLING_BYTES:
        return None
    known = [expected.entry.record for expected in expectation.items]
    known += [
        *expectation.before.values(),
        *expectation.refused.values(),
        *expectation.gone.values(),
    ]
    owners = [each for each in known if each.ts_ms != but and getattr(each, field) == value]
    return owners[0] if len(owners) == 1 else None


def _lost(comparison: Comparison) -> list[int]:
    return [i for i in comparison.missing if comparison.is_certain(i, Certainty.PROMISED)]


def _loss(
    invariant: Invariant, lost: list[int], comparison: Comparison, where: str
) -> list[Violation]:
    if not lost:
        return []
    entry, shown = comparison.entry(lost[0]), comparison.shown
    found = records_listing(shown, focus=min(lost[0], len(shown)))
    what = "an acknowledged record is gone" if entry.is_replied else "a recovered record is gone"
    why = "was acknowledged" if entry.is_replied else "was shown by an earlier recovery"
    only = f"{found} only" if shown else found
    message = f"{what}: {name(entry.record)} {why}, {_source(where)} shows {only}"
    message += more(len(lost) - 1, "gone")
    allowed, ts_ms = comparison.allowed(focus=lost[0]), entry.record.ts_ms
    return [Violation(invariant, where, message, allowed, found, ts_ms)]


def _source(where: str) -> str:
    return "the replay" if "call" in where else "recovery"
