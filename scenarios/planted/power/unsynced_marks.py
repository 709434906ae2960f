"""Lost mark: only puts are synced.

A put is worth a sync, it was said, and a mark is not: whoever loses one does the work again. The
work was a payment, and its MarkDone had been acknowledged.

Repair: sync every record before it is acknowledged; or do not promise marks.
"""

from power_base import DurableLog, write_all

from walcrash import Record, RecordType


class Subject(DurableLog):
    """Leaves marks to the next put."""

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        if record.type is RecordType.PUT:
            self.sync_log()
