"""Right, though it seems wrong: it refuses what its contract does not take, for certain.

A payload over a limit, an empty one, and a mark of an operation that was never put are refused
before a byte is written, in every boot alike.

Resembles: a log to which nothing can be appended after a recovery.
"""

from planted_base import PlainLog

from walcrash import DefiniteFailure, Record, RecordType

MOST_BYTES = 500


class Subject(PlainLog):
    """Has limits and says so."""

    def append(self, record: Record) -> int:
        if record.type is RecordType.PUT and not 1 <= len(record.payload) <= MOST_BYTES:
            raise DefiniteFailure(f"a payload has 1 to {MOST_BYTES} bytes")
        if record.type is not RecordType.PUT and record.id not in self.outbox:
            raise DefiniteFailure("a mark is of an operation that was put")
        return super().append(record)
