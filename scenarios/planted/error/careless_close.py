"""Lost put after a clean close: an error of the last flush is ignored.

Records are kept in memory until there is a `sync`, and a close promises them all. The close wrote
them out, met an error, and let it pass, since there was nobody left to tell.

Repair: let `close` fail.
"""

import contextlib

from error_base import CarefulLog

from walcrash import Acknowledges, Contract, PersistenceModel, Record


class Subject(CarefulLog):
    """Closes, whatever happens."""

    contract = Contract(
        acknowledges=Acknowledges.SYNC, model=PersistenceModel.POSIX, max_attempts=3
    )
    supports = CarefulLog.supports | {"sync"}

    def open_log(self) -> None:
        super().open_log()
        self.pending: list[tuple[Record, bytes]] = []

    def write(self, record: Record, frame: bytes) -> None:
        self.pending.append((record, frame))

    def sync(self) -> None:
        self.check()
        self.flush()

    def flush(self) -> None:
        """Write what appends have left in memory."""
        pending, self.pending = self.pending, []
        with self.or_nothing_more():
            for record, frame in pending:
                super().write(record, frame)

    def rewrite(self, records: object) -> None:
        self.flush()
        super().rewrite(records)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()
