"""Right, though it looks at the clock while it waits for a sync.

An append whose sync takes long says so, every 4 ms, and waits on: it is acknowledged when the sync
has returned. The same thread does the syncing, and the disk is as slow.

Resembles: `gave_up_waiting`.
"""

from slow_base import FlushedLog

PATIENCE_SECONDS = 0.004


class Subject(FlushedLog):
    """Waits for as long as it takes."""

    def make_durable(self) -> None:
        self.ask_for_sync()
        self.stalls = 0
        with self.changed:
            while not self.changed.wait_for(
                lambda: self.synced >= self.written, timeout=PATIENCE_SECONDS
            ):
                self.stalls += 1
