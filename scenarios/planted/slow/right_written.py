"""Right, though another thread writes: its end is waited for before the sync begins.

Resembles: `overtaken_write`.
"""

import threading

from slow_base import DurableLog, Record, write_all


class Subject(DurableLog):
    """Waits for the write as long as it takes."""

    def write(self, record: Record, frame: bytes) -> None:
        writer = threading.Thread(target=write_all, args=(self.log, frame))
        writer.start()
        writer.join()
        self.sync_log()
