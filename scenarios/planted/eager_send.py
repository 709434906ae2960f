"""Effect before append: the operation is sent while its record is on its way to the log.

To save a tick, a put is sent from within its append once the engine runs, and the message goes
out first because it takes longer. A kill between the two left an order at the supplier that no
log knew of. It was ordered again by hand.

Repair: write the record, then send.
"""

from collections.abc import Sequence

from planted_base import PlainLog

from walcrash import Record, RecordType


class Subject(PlainLog):
    """Sends before it has written."""

    is_running = False

    def append(self, record: Record) -> int:
        if self.is_running and record.type is RecordType.PUT:
            self.in_flight[record.id] = record.ts_ms
            self.effect(record.id)
        return super().append(record)

    def tick(self, now_ms: int) -> Sequence[str]:
        self.is_running = True
        return super().tick(now_ms)
