"""Right, though it seems wrong: acknowledged records are lost by every power failure.

Records are promised by `sync` only, which is what the contract says. Whatever makes a record
matter syncs it first: a sync, an effect, the state file.

Resembles: `early_acknowledgement`, `send_before_sync` and `state_before_log`.
"""

from collections.abc import Sequence

from power_base import DurableLog, write_all

from walcrash import Acknowledges, Contract, PersistenceModel, Record


class Subject(DurableLog):
    """Promises at sync, and keeps that."""

    contract = Contract(
        acknowledges=Acknowledges.SYNC, model=PersistenceModel.POSIX, max_attempts=3
    )
    supports = DurableLog.supports | {"sync"}

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)

    def sync(self) -> None:
        self.sync_log()

    def tick(self, now_ms: int) -> Sequence[str]:
        self.sync()
        return super().tick(now_ms)

    def flush(self) -> None:
        self.sync()
