"""DuckDB as a log: one row a record, one transaction an append, with one thread.

Each commit is synced to its WAL; a checkpoint moves that into the database file.

The database is attached to an instance in memory, and detached again, which recovers and closes
as `connect` does. The instance has the system's catalog, which takes several times as long to
make as a store to recover; it has nothing of a store. It serves the next store of the process,
unless something has failed: DuckDB then calls an instance invalid.

It says in which directory temporary files go; nothing here needs any.

Source: duckdb.org, "Attach and Detach", "Concurrency", "CHECKPOINT", and "Configuration".
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.package import need
from walcrash.values.contract import Contract


class DuckDbAdapter(NumberedStore):
    """Drives DuckDB.

    Args:
        checkpoint_mebibytes: length of the WAL after which it checkpoints by itself; its own
            default is 16.
    """

    supports = frozenset({"compact", "reopen"})

    _idle: ClassVar[dict[tuple[int, str], Any]] = {}
    """The instances that no store is attached to, by process and settings."""

    def __init__(self, *, checkpoint_mebibytes: int = 16) -> None:
        super().__init__()
        self._duckdb = need("duckdb", extra="duckdb")
        self._settings = {
            "threads": 1,
            "memory_limit": "256MB",
            "checkpoint_threshold": f"{int(checkpoint_mebibytes)}MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._connection: Any = None
        self._has_failed = False
        self.contract = Contract()

    def open_store(self, directory: Path) -> None:
        """Attach the database and have the table."""
        idle = self._idle.pop(self._place, None)
        self._connection = idle or self._duckdb.connect(":memory:", config=self._settings)
        path = str(directory / "log.duckdb").replace("'", "''")
        self._connection.execute(f"ATTACH '{path}' AS store")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS store.log (number UBIGINT NOT NULL, record BLOB NOT NULL)"
        )

    def put(self, number: int, value: bytes) -> None:
        """Insert one row, in a transaction of its own."""
        self._execute("INSERT INTO store.log VALUES (?, ?)", (number, value))

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Select the rows."""
        rows = self._execute(
            "SELECT number, record FROM store.log WHERE number >= ?", (from_number,)
        )
        return [(int(number), bytes(value)) for number, value in rows.fetchall()]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows in one statement."""
        if numbers:
            self._execute(
                "DELETE FROM store.log WHERE number IN (SELECT unnest(?))", (list(numbers),)
            )

    def tidy(self) -> None:
        """Checkpoint, which gives back the room of what was deleted."""
        self._execute("CHECKPOINT store")

    def close(self) -> None:
        """Detach the database, which checkpoints."""
        self._execute("DETACH store")
        if not self._has_failed:
            self._idle[self._place] = self._connection
        self._connection = None

    @property
    def _place(self) -> tuple[int, str]:
        return os.getpid(), repr(self._settings)

    def _execute(self, statement: str, values: tuple[object, ...] = ()) -> Any:
        try:
            return self._connection.execute(statement, values)
        except Exception:
            self._has_failed = True
            raise
