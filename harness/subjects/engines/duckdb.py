"""DuckDB as a log: one row a record, one transaction an append, with one thread.

Each commit is synced to its WAL; a checkpoint moves that into the database file.

It says in which folder temporary files go; nothing here needs any.

Source: duckdb.org, "Concurrency", "CHECKPOINT", and "Configuration".
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.subjects.engines.numbered import NumberedStore
from harness.subjects.engines.package import need
from harness.values.contract import Contract


class DuckDbAdapter(NumberedStore):
    """Drives DuckDB.

    Args:
        checkpoint_mebibytes: length of the WAL after which it checkpoints by itself; its own
            default is 16.
    """

    def __init__(self, *, checkpoint_mebibytes: int = 16) -> None:
        super().__init__()
        self._duckdb = need("duckdb", extra="duckdb")
        self._checkpoint = f"{int(checkpoint_mebibytes)}MB"
        self._connection: Any = None
        self.contract = Contract()

    def open_store(self, directory: Path) -> None:
        """Open the database and have the table."""
        settings = {
            "threads": 1,
            "memory_limit": "256MB",
            "checkpoint_threshold": self._checkpoint,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._connection = self._duckdb.connect(str(directory / "log.duckdb"), config=settings)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS log (number UBIGINT NOT NULL, record BLOB NOT NULL)"
        )

    def put(self, number: int, value: bytes) -> None:
        """Insert one row, in a transaction of its own."""
        self._connection.execute("INSERT INTO log VALUES (?, ?)", (number, value))

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Select the rows."""
        query = "SELECT number, record FROM log WHERE number >= ?"
        rows = self._connection.execute(query, (from_number,)).fetchall()
        return [(int(number), bytes(value)) for number, value in rows]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows in one statement."""
        if numbers:
            self._connection.execute(
                "DELETE FROM log WHERE number IN (SELECT unnest(?))", (list(numbers),)
            )

    def tidy(self) -> None:
        """Checkpoint, which gives back the room of what was deleted."""
        self._connection.execute("CHECKPOINT")

    def close(self) -> None:
        """Close the connection, which checkpoints."""
        self._connection.close()
