"""SQLite as a log: one row a record, one transaction an append.

What it promises follows from two pragmas, as its documentation says. With `synchronous = OFF`
a power loss may corrupt the database; with the rollback journal in memory, or none, so may a
kill inside a transaction. In WAL mode NORMAL a power loss may roll back the last commits; the
same may happen to a rollback journal under NORMAL, and to one that is deleted even under FULL,
since the directory is synced after the unlink only under EXTRA.

With `acknowledges = "sync"`, records are promised by a checkpoint of the WAL, which syncs it.

Source: sqlite.org, "PRAGMA synchronous", "PRAGMA journal_mode", "Write-Ahead Logging", section
performance considerations; "How To Corrupt An SQLite Database File".
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.package import one_of
from walcrash.values.contract import Acknowledges, Contract, Promise

JOURNALS: Final = ("delete", "truncate", "persist", "wal", "memory", "off")
LEVELS: Final = ("off", "normal", "full", "extra")

BUSY_SECONDS: Final = 5.0
"""How long a lock is waited for, in case an earlier process is not quite gone."""


class SqliteAdapter(NumberedStore):
    """Drives SQLite.

    Args:
        journal_mode: one of `JOURNALS`.
        synchronous: one of `LEVELS`.
        acknowledges: `append`, or `sync` in WAL mode.
        autocheckpoint: pages of WAL after which SQLite checkpoints by itself; its default.
    """

    def __init__(
        self,
        *,
        journal_mode: str = "wal",
        synchronous: str = "full",
        acknowledges: str = "append",
        autocheckpoint: int = 1000,
    ) -> None:
        super().__init__()
        # SQLite takes them in either case, and its documentation writes them in capitals.
        journal_mode, synchronous = str(journal_mode).lower(), str(synchronous).lower()
        self._journal = one_of("journal_mode", journal_mode, JOURNALS)
        self._level = one_of("synchronous", synchronous, LEVELS)
        one_of(
            "acknowledges",
            acknowledges,
            ("append", "sync") if journal_mode == "wal" else ("append",),
        )
        self._autocheckpoint = int(autocheckpoint)
        self._connection: sqlite3.Connection | None = None
        is_synced = acknowledges == "sync"
        self.supports = frozenset({"compact", "reopen"} | ({"sync"} if is_synced else set()))
        self.contract = _contract(journal_mode, synchronous, is_synced=is_synced)

    def open_store(self, directory: Path) -> None:
        """Open the database, set the pragmas and have the table."""
        connection = sqlite3.connect(
            directory / "log.db", isolation_level=None, timeout=BUSY_SECONDS
        )
        self._connection = connection
        connection.execute(f"PRAGMA synchronous = {self._level}")
        (found,) = connection.execute(f"PRAGMA journal_mode = {self._journal}").fetchone()
        if found != self._journal:
            raise sqlite3.OperationalError(f"journal_mode is {found}, asked for {self._journal}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._autocheckpoint}")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS log (number INTEGER PRIMARY KEY, record BLOB NOT NULL)"
        )

    @property
    def _open(self) -> sqlite3.Connection:
        assert self._connection is not None, "a boot starts with open"
        return self._connection

    def put(self, number: int, value: bytes) -> None:
        """Insert one row, in a transaction of its own."""
        self._open.execute("INSERT INTO log VALUES (?, ?)", (number, value))

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Select the rows."""
        rows = self._open.execute(
            "SELECT number, record FROM log WHERE number >= ?", (from_number,)
        )
        return [(int(number), bytes(value)) for number, value in rows.fetchall()]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows in one transaction."""
        with self._open as connection:
            connection.execute("BEGIN")
            connection.executemany("DELETE FROM log WHERE number = ?", [(n,) for n in numbers])

    def tidy(self) -> None:
        """Write the database anew, which gives back the room of what was deleted."""
        self._open.execute("VACUUM")

    def sync(self) -> None:
        """Checkpoint the WAL, which syncs it first."""
        if "sync" not in self.supports:
            super().sync()
        (is_busy, *_) = self._open.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if is_busy:
            raise sqlite3.OperationalError("the checkpoint could not be completed")

    def close(self) -> None:
        """Close the connection, which checkpoints."""
        self._open.close()


def _contract(journal: str, level: str, *, is_synced: bool) -> Contract:
    if journal in ("memory", "off"):
        # A kill between transactions does no harm, one inside of a transaction may.
        return Contract(kill=Promise.NONE, power=Promise.NONE)
    if level == "off":
        return Contract(power=Promise.NONE)
    if is_synced:
        return Contract(acknowledges=Acknowledges.SYNC)
    may_roll_back = level == "normal" or (journal == "delete" and level == "full")
    return Contract(power=Promise.PREFIX if may_roll_back else Promise.ALL)
