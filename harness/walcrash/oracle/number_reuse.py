"""Offsets that a subject gave to two records: the first was free again behind a recovery.

Not here: what became of the first record (`fate`).
"""

from dataclasses import dataclass

from walcrash.values.fate import NumberReuse
from walcrash.values.history import History
from walcrash.values.record import Record
from walcrash.values.recovery import Recovery


@dataclass(frozen=True, slots=True)
class Reused:
    """A number that was used again, and the time of the record that had it first."""

    told: NumberReuse
    ts_ms: int


def reuse_of(history: History, recovery: Recovery) -> Reused | None:
    """Return the first offset that was given again behind a recovery that had ended before it."""
    given: dict[int, Record] = {}
    for boot in history.boots:
        for call in boot.calls:
            if call.offset is not None and call.operation.record is not None:
                given.setdefault(call.offset, call.operation.record)
    for call in history.recoveries.continued:
        record, offset = call.operation.record, call.offset
        if record is not None and offset in given and offset >= recovery.end:
            first = given[offset]
            told = NumberReuse(offset=offset, first=str(first), again=str(record))
            return Reused(told, first.ts_ms)
    return None
