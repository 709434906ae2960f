"""Effect before append: a tick sends what is still in the buffer.

Records are promised by `sync`, so a put may be lost before it; that is the contract. But the
engine sent operations without waiting for one. A kill then left an effect in the world and no
record of it, and nobody could tell that the operation had been done.

Repair: flush (here) or sync (where power can fail) before the first send of a tick.
"""

from planted_base import BufferedLog

from walcrash import Acknowledges, Contract, Promise


class Subject(BufferedLog):
    """Sends what a kill can still take back."""

    contract = Contract(acknowledges=Acknowledges.SYNC, power=Promise.NONE, max_attempts=3)
    supports = BufferedLog.supports | {"sync"}

    def sync(self) -> None:
        self.flush()
