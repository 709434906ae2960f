"""Lost put: nothing is ever synced before it is acknowledged.

`write` had returned, every test restarted the process and found all records, and so the log was
called durable. A power failure in one rack took the last half minute of every log in it.

Repair: sync the log before the append is acknowledged.
"""

from power_base import DurableLog, write_all

from walcrash import Record


class Subject(DurableLog):
    """Takes what is in the page cache for what is on the disk."""

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
