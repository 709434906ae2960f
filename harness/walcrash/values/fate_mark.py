"""Marks: what a fate says, in a few words that are the same from seed to seed.

A planted bug states the marks that its findings may have, so that a wrong sentence is a test that
fails. Names are patterns, as in causes.

Not here: the sentences (`walcrash.report.fate_words`).
"""

from collections.abc import Iterable

from walcrash.values.cause import keeps_beside, name_pattern
from walcrash.values.fate import EventRef, Fate, FateKind, FoundFate, RecordFate


def fate_mark(fate: Fate | None) -> str:
    """Return a fate's mark, such as `not-durable: wal.log`; empty where nothing is said."""
    if fate is None:
        return ""
    if fate.record is not None:
        shown = "" if fate.shown is None else f"; {_record(fate.shown)}"
        return f"{_record(fate.record)}{shown}"
    return "used twice" if fate.found is None else _found(fate.found)


def _record(told: RecordFate) -> str:
    failed = told.failed
    how = "" if failed is None else f"{'failed' if failed.errno else 'short'} write"
    if not told.copies:
        return f"{told.kind.value}: {how}" if how else told.kind.value
    copy = told.copies[0]
    path = name_pattern(copy.path)
    if told.beside is not None:
        return f"lost beside: {name_pattern(keeps_beside(told.beside))}"
    if copy.is_nameless:
        return f"nameless: {path}"
    if not told.is_missing:
        return f"shown: {path}, {told.kind.value}"
    if told.kind is FateKind.THERE:
        if copy.lost_name:
            return f"there: {path}, name lost: {name_pattern(copy.not_synced)}"
        return f"there: {path}, {told.reading.name.lower()}"
    if told.kind is FateKind.NOT_DURABLE:
        return f"{told.kind.value}: {name_pattern(copy.not_synced) or 'synced'}"
    torn = "" if told.torn is None else f", {_torn(told, told.torn)} before it"
    by = "" if copy.by is None else f" by {copy.by.kind.value}"
    during = " in recovery" if copy.by is not None and copy.by.is_recovery else ""
    unread = ", not read before" if told.unread is not None else ""
    anew = f", {how} anew" if how else ""
    lost = f", name lost: {name_pattern(copy.not_synced)}" if copy.lost_name else ""
    return f"{told.kind.value}{by}{during}: {path}{unread or torn}{lost}{anew}"


def _torn(told: RecordFate, torn: EventRef) -> str:
    if told.torn_sync is not None:
        return "unsynced"
    return "short" if torn.is_short else "torn"


def _found(found: FoundFate) -> str:
    parts = (
        ("torn and kept" if found.is_left else "torn", found.torn),
        ("lost", found.lost),
        ("name lost", found.unnamed),
        ("failed", found.failed),
        ("new", found.new),
        ("gone", (*found.named, *found.gone)),
        ("half done", found.half_done),
        ("emptied", () if found.emptied is None else (found.emptied,)),
    )
    return "; ".join(f"{word}: {_names(refs)}" for word, refs in parts if refs)


def _names(refs: Iterable[EventRef]) -> str:
    return ", ".join(sorted({name_pattern(ref.name) for ref in refs}))
