"""Effect before append: operations are sent before they are durable.

Records are promised at `sync`, and the engine did not wait for that: it sent whatever had been
appended. After a power failure the mails were out, and no log knew of them. The ids were given
out anew, to other mails.

Repair: sync the log before anything of it is sent.
"""

from power_base import DurableLog, write_all

from walcrash import Acknowledges, Contract, Record


class Subject(DurableLog):
    """Sends what a power loss can still take away."""

    contract = Contract(acknowledges=Acknowledges.SYNC, max_attempts=3)
    supports = DurableLog.supports | {"sync"}

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)

    def sync(self) -> None:
        self.sync_log()

    def flush(self) -> None:
        self.sync_log()
