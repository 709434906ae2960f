"""Right, though it seems wrong: acknowledged records are lost by every kill.

Records are buffered in the process and promised by `sync` only, which is what its contract
says. Whatever makes a record matter flushes it first: a sync, an effect, the state file.

Resembles: `buffered_append` and `unsynced_send`.
"""

from collections.abc import Sequence

from planted_base import BufferedLog

from walcrash import Acknowledges, Contract, Promise


class Subject(BufferedLog):
    """Promises at sync, and keeps that."""

    contract = Contract(acknowledges=Acknowledges.SYNC, power=Promise.NONE, max_attempts=3)
    supports = BufferedLog.supports | {"sync"}

    def sync(self) -> None:
        self.flush()

    def tick(self, now_ms: int) -> Sequence[str]:
        self.sync()
        return super().tick(now_ms)
