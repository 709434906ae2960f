"""What the records of a log amount to, for any number of operations in the same memory.

The operations that were met last are in memory. When there are too many, all go to a database
without a name, which SQLite keeps in memory while it is small and in a temporary file that
nobody else sees when it is not.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Self

from walcrash.values.record import RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.values.verified import LogOperation, LogRow

# limits
HOT_OPERATIONS: Final = 20_000
"""Operations that are held in memory."""

CACHE_KIB: Final = 32 * 1024
"""Memory of the database, KiB."""

ERROR_CHARACTERS: Final = 200
"""How much of an error text is kept."""

_STATUSES: Final = {
    RecordType.PUT: OperationStatus.PENDING,
    RecordType.DONE: OperationStatus.DONE,
    RecordType.FAILED: OperationStatus.FAILED,
}
_COLUMNS: Final = "key, id, status, put_offset, ts_ms, attempts, error, next_retry_at_ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """A record that was read.

    Attributes:
        row: what is shown of it.
        key: stands for its id; equal for equal ids only.
        error: its error text, or the start of it.
    """

    row: LogRow
    key: bytes
    error: str = ""


class OperationTable:
    """All operations of a log; `opened` makes one."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._hot: dict[bytes, LogOperation] = {}
        self._has_cold = False

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """Make an empty table, and drop it at the end."""
        # An empty name is a private database that spills to a temporary file.
        database = sqlite3.connect("", isolation_level=None)
        try:
            database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            database.execute("PRAGMA journal_mode = OFF")
            database.execute(
                "CREATE TABLE operations (key BLOB PRIMARY KEY, id BLOB, status TEXT, put_offset"
                " INTEGER, ts_ms INTEGER, attempts INTEGER, error BLOB, next_retry_at_ms INTEGER)"
                " WITHOUT ROWID"
            )
            yield cls(database)
        finally:
            database.close()

    def take(self, found: FoundRecord) -> bool:
        """Take in one record, in log order; return whether its operation was ever put."""
        row = found.row
        status = _STATUSES[row.type]
        if row.type is RecordType.PUT:
            operation = LogOperation(
                id=row.id, status=status, put_offset=row.offset, ts_ms=row.ts_ms
            )
        else:
            known = self._hot.get(found.key) or self._cold(found.key)
            if known is None:
                return False
            is_failed = row.type is RecordType.FAILED
            operation = replace(
                known,
                status=status,
                attempts=known.attempts + is_failed,
                error=found.error[:ERROR_CHARACTERS] if is_failed else "",
                next_retry_at_ms=row.next_retry_at_ms if is_failed else 0,
            )
        self._hot[found.key] = operation
        if len(self._hot) > HOT_OPERATIONS:
            self._cool()
        return True

    def counts(self) -> Mapping[OperationStatus, int]:
        """Return how many operations stand where."""
        self._cool()
        rows = self._database.execute("SELECT status, count(*) FROM operations GROUP BY status")
        return {OperationStatus(status): count for status, count in rows}

    def unfinished(self, most: int) -> tuple[LogOperation, ...]:
        """Return the first operations that are not done, in the order of their puts."""
        self._cool()
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM operations WHERE status <> ? ORDER BY put_offset LIMIT ?",  # noqa: S608
            (OperationStatus.DONE.value, most),
        )
        return tuple(_operation(row) for row in rows)

    def _cold(self, key: bytes) -> LogOperation | None:
        if not self._has_cold:
            return None
        row = self._database.execute(
            f"SELECT {_COLUMNS} FROM operations WHERE key = ?",  # noqa: S608
            (key,),
        ).fetchone()
        return None if row is None else _operation(row)

    def _cool(self) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (_row(key, operation) for key, operation in self._hot.items()),
        )
        self._database.execute("COMMIT")
        self._has_cold = self._has_cold or bool(self._hot)
        self._hot.clear()


def _row(key: bytes, operation: LogOperation) -> tuple[object, ...]:
    return (
        key,
        operation.id.encode("utf-8", "surrogatepass"),
        operation.status.value,
        operation.put_offset,
        operation.ts_ms,
        operation.attempts,
        operation.error.encode("utf-8", "surrogatepass"),
        operation.next_retry_at_ms,
    )


def _operation(row: tuple[bytes, bytes, str, int, int, int, bytes, int]) -> LogOperation:
    _, name, status, put_offset, ts_ms, attempts, error, retry = row
    return LogOperation(
        id=name.decode("utf-8", "surrogatepass"),
        status=OperationStatus(status),
        put_offset=put_offset,
        ts_ms=ts_ms,
        attempts=attempts,
        error=error.decode("utf-8", "surrogatepass"),
        next_retry_at_ms=retry,
    )
