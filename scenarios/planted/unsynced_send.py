"""Effect before append: a tick sends what is still in the buffer.

Records are promised by `sync`, so a put may be lost before it; that is the contract. But the
engine sent operations without waiting for one. A kill then left an effect in the world and no
record of it, and nobody could tell that the operation had been done.

Repair: flush (here) or sync (where power can fail) before the first send of a tick.
"""

import io

from planted_base import PlainLog

from walcrash import Acknowledges, Contract, Promise, Record

BUFFER_BYTES = 64 * 1024


class Subject(PlainLog):
    """Sends what a kill can still take back."""

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

    def flush(self) -> None:
        self.buffer.flush()
