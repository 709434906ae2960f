"""Right, though it seems wrong: an outbox that keeps marks of operations that it does not know.

A mark may reach this log before its put does, from another queue, so that it is kept: an operation
whose mark is there counts as done or failed, also while its put is not. A client here marks only
what it was shown, and then the state is what the records amount to.

Resembles: a state that has operations which are in no log.
"""

from planted_base import Entry, PlainLog

from walcrash import Record, RecordType


class Subject(PlainLog):
    """Gives a mark of an unknown operation an entry of its own."""

    def fold(self, record: Record) -> None:
        if record.type is not RecordType.PUT:
            self.outbox.setdefault(record.id, Entry())
        super().fold(record)
