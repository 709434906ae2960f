"""Checkpoint ahead: the state is durable before the log that it was made from.

Records are promised at `sync`. `apply` wrote the state and the checkpoint with every care, of
all records so far, and some of them were in the page cache only. After a power failure the
state knew of operations that were in no log, and its end lay behind the log's.

Repair: sync the log before the state is saved.
"""

from power_base import DurableLog, write_all

from walcrash import Acknowledges, Contract, Record


class Subject(DurableLog):
    """Applies what a power loss can still take away."""

    contract = Contract(acknowledges=Acknowledges.SYNC, max_attempts=3)
    supports = (DurableLog.supports | {"sync"}) - {"effects"}

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)

    def sync(self) -> None:
        self.sync_log()
