"""Right, though it seems wrong: acknowledged records are lost by every kill.

Records are buffered in the process and promised by `sync` only, which is what its contract
says. Whatever makes a record matter flushes it first: a sync, an effect, the state file.

Resembles: `buffered_append` and `unsynced_send`.
"""

import io
from collections.abc import Sequence

from planted_base import PlainLog

from walcrash import Acknowledges, Contract, Promise, Record

BUFFER_BYTES = 64 * 1024


class Subject(PlainLog):
    """Promises at sync, and keeps that."""

    contract = Contract(acknowledges=Acknowledges.SYNC, power=Promise.NONE, max_attempts=3)
    supports = PlainLog.supports | {"sync"}

    def open_log(self) -> None:
        super().open_log()
        raw = io.FileIO(self.log, "ab", closefd=False)
        self.buffer = io.BufferedWriter(raw, BUFFER_BYTES)

    def write(self, record: Record, frame: bytes) -> None:
        self.buffer.write(frame)

    def sync(self) -> None:
        self.flush()

    def tick(self, now_ms: int) -> Sequence[str]:
        self.sync()
        return super().tick(now_ms)

    def flush(self) -> None:
        self.buffer.flush()
