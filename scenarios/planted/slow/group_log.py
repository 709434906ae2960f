"""A log that promises its records by `sync`, and syncs behind the appends of its own accord.

`GroupLog` is `FlushedLog` with a promise at `sync`: an append asks for a sync and does not wait.
So a `sync` often finds one under way, and has to know what that one covers.
"""

from slow_base import FlushedLog, write_all

from walcrash import Acknowledges, Contract, PersistenceModel, Record


class GroupLog(FlushedLog):
    """The right subject: a sync returns when what was written before it is durable."""

    contract = Contract(
        acknowledges=Acknowledges.SYNC, model=PersistenceModel.POSIX, max_attempts=3
    )
    supports = FlushedLog.supports | {"sync"}

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        self.written += 1
        self.ask_for_sync()

    def sync(self) -> None:
        self.make_durable()

    def flush(self) -> None:
        if self.flusher is not None and not self.is_closing:
            self.make_durable()
