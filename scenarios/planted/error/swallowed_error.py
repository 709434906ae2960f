"""Lost put: a failed write of a record is logged, and the append is acknowledged.

The disk was full for a minute. The writer caught the error, counted it in a metric and returned:
the callers were told that their records were safe.

Repair: refuse the append.
"""

from error_base import CarefulLog

from walcrash import Record


class Subject(CarefulLog):
    """Goes on as if the record were there."""

    def write(self, record: Record, frame: bytes) -> None:
        try:
            super().write(record, frame)
        except OSError:
            self.failure = None
