"""Lost put: an append that has waited 4 ms for its sync is acknowledged without it.

A sync took a millisecond, always. "A disk that hangs must not hang the service" was the reason for
the limit, and the sync goes on behind it, so that nobody missed anything. When a neighbour filled
the disk's queue, the syncs of a whole minute took longer; the power went in that minute.

Repair: a sync that has not returned has promised nothing; wait for it, or refuse the append.

Resembles: Redis, `appendfsync everysec`, which writes on where a sync takes longer than 2 seconds,
and says so.
"""

from slow_base import FlushedLog

PATIENCE_SECONDS = 0.004


class Subject(FlushedLog):
    """Acknowledges before a slow sync is done."""

    def make_durable(self) -> None:
        self.ask_for_sync()
        with self.changed:
            self.changed.wait_for(lambda: self.synced >= self.written, timeout=PATIENCE_SECONDS)
