"""Right, though it seems wrong: an outbox that drops marks of operations that it does not know.

A mark without its put says nothing, so it is acknowledged and not written: the next recovery would
find nothing to mark. A client marks only what it was shown, so that no mark of its own is dropped.

Resembles: an acknowledged mark that is gone.
"""

from planted_base import PlainLog

from walcrash import Record, RecordType


class Subject(PlainLog):
    """Writes no mark of an operation that is not in the outbox."""

    def append(self, record: Record) -> int:
        if record.type is not RecordType.PUT and record.id not in self.outbox:
            return self.end_offset
        return super().append(record)
