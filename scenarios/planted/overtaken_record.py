"""Order: a small record overtakes a large one on its way to the file.

Records are promised by `sync`. Small ones were written at once, each at its own offset; large
ones waited for the sync, so the file had a hole there until it came. After a kill recovery
skipped the hole and found the small records behind it: a `MarkDone` for a put that never was.

Repair: write in append order; what is not yet written may be missing at the end only.
"""

import os

from planted_base import FRAME, HEADER, PlainLog

from walcrash import Acknowledges, Contract, Promise, Record

LARGE_BYTES = 1000


class Subject(PlainLog):
    """Leaves holes in the log."""

    contract = Contract(acknowledges=Acknowledges.SYNC, power=Promise.NONE, max_attempts=3)
    supports = PlainLog.supports - {"compact", "effects"} | {"sync"}

    def open_log(self) -> None:
        self.waiting: list[tuple[int, bytes]] = []
        super().open_log()
        os.close(self.log)
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY)

    def scan(self, data: bytes) -> int:
        position = HEADER.size
        while True:
            body = self.body_at(data, position)
            if body:
                self.entries.append((self.base + position, self.decode(body)))
                position += FRAME.size + len(body)
            elif data[position : position + 1] == b"\0":
                position += 1
            else:
                return position

    def write(self, record: Record, frame: bytes) -> None:
        position = self.end_offset - self.base
        if len(frame) > LARGE_BYTES:
            self.waiting.append((position, frame))
        else:
            os.pwrite(self.log, frame, position)

    def sync(self) -> None:
        self.flush()

    def flush(self) -> None:
        for position, frame in self.waiting:
            os.pwrite(self.log, frame, position)
        self.waiting.clear()
