"""Lost put: a sync overtakes the write that it is for, since the two were begun together.

Writes went to a pool of threads, and so did syncs; an append asked for both at once and waited for
both. The write always came first, as it was asked for first. While the disk's queue was full a
write took 30 ms, the sync behind it found nothing to do and returned, and the record was
acknowledged when the write had returned as well. The power went before the next sync.

Repair: begin the sync when the write has returned.

Resembles: `Promise.all([file.write(record), file.datasync()])`.
"""

import threading

from slow_base import DurableLog, Record, write_all

HEAD_START_SECONDS = 0.01


class Subject(DurableLog):
    """Gives the write a head start, and does not wait for its end."""

    def write(self, record: Record, frame: bytes) -> None:
        written = threading.Event()

        def write_frame() -> None:
            write_all(self.log, frame)
            written.set()

        writer = threading.Thread(target=write_frame)
        writer.start()
        written.wait(HEAD_START_SECONDS)
        self.sync_log()
        writer.join()
