"""Lost put: a record is acknowledged when its group begins, not when the group is synced.

Four appends share one sync. The first three of them returned at once, since "the group has
their bytes already", and the fourth one paid for all. A power failure in the middle of a group
lost up to three records that their callers had taken for safe.

Repair: answer all appends of a group after its sync; or promise records at `sync` only.
"""

from power_base import DurableLog, write_all

from walcrash import Record

GROUP_RECORDS = 4


class Subject(DurableLog):
    """Acknowledges a record before the sync that it waits for."""

    in_group = 0

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        self.in_group += 1
        if self.in_group == GROUP_RECORDS:
            self.sync_log()
            self.in_group = 0
