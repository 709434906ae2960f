"""Wording: how records, ids and lists appear in a violation, short and on one line.

Ids and texts come from subjects and may hold anything, so whatever is not plain is escaped to
ASCII. Of a long list only the part around the place that matters is shown.

Not here: what a violation says; each rule words its own (`rules`).
"""

from collections.abc import Sequence

from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import RecoveredRecord, UndecodableRecord

# limits
LIST_ITEMS = 8
"""Most items of a list that are spelt out."""
TEXT_CHARACTERS = 40
"""Longest id or text that is shown whole."""
EXPLANATION_CHARACTERS = 240
"""Longest explanation of a failure that is shown whole: it is all that its reader has."""
BYTES_AROUND = 8
"""How many bytes of a payload are shown from its first difference on."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/#@+")


def quoted(text: str) -> str:
    """Return the text in quotes, escaped to ASCII, shortened if it is long."""
    return _elide(text, TEXT_CHARACTERS)


def explanation(text: str) -> str:
    """Return what was said of a failure, in quotes as `quoted`, but longer."""
    return _elide(text, EXPLANATION_CHARACTERS)


def _elide(text: str, limit: int) -> str:
    if len(text) <= limit:
        return ascii(text)
    return f"{text[:limit]!a}... ({len(text)} characters)"


def id_text(operation_id: str) -> str:
    """Return a plain id as it is, and any other one quoted."""
    is_plain = 0 < len(operation_id) <= TEXT_CHARACTERS and _PLAIN.issuperset(operation_id)
    return operation_id if is_plain else quoted(operation_id)


def name(record: Record) -> str:
    """Return a record as messages name it, such as `PutOperation op-2`, with the backquotes."""
    return f"`{record.type.value} {id_text(record.id)}`"


def label(record: Record) -> str:
    """Return a record as lists show it: the bare id for a PutOperation."""
    if record.type is RecordType.PUT:
        return id_text(record.id)
    return f"{record.type.value} {id_text(record.id)}"


def listing(labels: Sequence[str], *, focus: int = 0) -> str:
    """Join labels with commas; of a long list only those around position `focus`."""
    if not labels:
        return "nothing"
    start = max(0, min(focus - LIST_ITEMS // 2, len(labels) - LIST_ITEMS))
    shown = list(labels[start : start + LIST_ITEMS])
    behind = len(labels) - start - len(shown)
    if start:
        shown.insert(0, f"({start} before)")
    if behind:
        shown.append(f"({behind} more)")
    return ", ".join(shown)


def records_listing(
    records: Sequence[RecoveredRecord],
    *,
    focus: int = 0,
    undecodable: Sequence[UndecodableRecord] = (),
) -> str:
    """Return the records of a replay as a list of labels, shortened around position `focus`."""
    labels = [label(item.record) for item in records]
    for number, item in enumerate(undecodable):
        labels.insert(item.before + number, f"(undecodable at {item.offset})")
    return listing(labels, focus=focus)


def undecodable_text(item: UndecodableRecord) -> str:
    """Return what a replay could not decode: where it is, and how it begins."""
    piece = item.data[:BYTES_AROUND].hex(" ")
    begins = f" that begin {piece}" if len(item.data) > BYTES_AROUND else f": {piece}"
    what = f"{len(item.data):,} bytes{begins}" if item.data else "no bytes"
    return f"an undecodable record at {item.offset} ({what})"


def more(count: int, what: str) -> str:
    """Return the end of a message about the first of several: `; 3 more are gone`."""
    if count <= 0:
        return ""
    return f"; {count} more {'is' if count == 1 else 'are'} {what}"


def difference(appended: Record, found: Record) -> tuple[str, str, str]:
    """Return the name of the first field that differs, its appended and its found value."""
    if appended.type is not found.type:
        return "type", appended.type.value, found.type.value
    if appended.id != found.id:
        return "id", quoted(appended.id), quoted(found.id)
    if appended.ts_ms != found.ts_ms:
        return "ts_ms", str(appended.ts_ms), str(found.ts_ms)
    if appended.payload != found.payload:
        return ("payload", *_bytes_difference(appended.payload, found.payload))
    if appended.error != found.error:
        return "error", quoted(appended.error), quoted(found.error)
    return "next_retry_at_ms", str(appended.next_retry_at_ms), str(found.next_retry_at_ms)


def _bytes_difference(appended: bytes, found: bytes) -> tuple[str, str]:
    pairs = zip(appended, found, strict=False)
    shorter = min(len(appended), len(found))
    at = next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)
    return _bytes_from(appended, at), _bytes_from(found, at)


def _bytes_from(payload: bytes, at: int) -> str:
    piece = payload[at : at + BYTES_AROUND].hex(" ") or "nothing"
    return f"{piece} at byte {at} of {len(payload)}"
