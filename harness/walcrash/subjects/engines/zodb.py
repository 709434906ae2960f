"""ZODB's FileStorage as a log: an object tree with one key a record, one transaction an append.

Each commit is appended to `Data.fs` and synced. The index beside it is written now and then and
can be made anew. Transactions carry the time, so that two runs write other bytes.

Source: zodb.org, "FileStorage", "Storage APIs".
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.package import need
from walcrash.values.contract import Contract


class ZodbAdapter(NumberedStore):
    """Drives ZODB with a FileStorage."""

    supports = frozenset({"compact", "reopen"})

    def __init__(self) -> None:
        super().__init__()
        self._zodb = need("ZODB", extra="zodb")
        self._storage = need("ZODB.FileStorage", extra="zodb")
        self._trees = need("BTrees.OOBTree", extra="zodb")
        self._transaction = need("transaction", extra="zodb")
        self._database: Any = None
        self._connection: Any = None
        self._tree: Any = None
        self.contract = Contract()

    def open_store(self, directory: Path) -> None:
        """Open the storage and have the tree."""
        self._database = self._zodb.DB(self._storage.FileStorage(str(directory / "Data.fs")))
        self._manager = self._transaction.TransactionManager()
        self._connection = self._database.open(self._manager)
        root = self._connection.root()
        if "log" not in root:
            root["log"] = self._trees.OOBTree()
            self._manager.commit()
        self._tree = root["log"]

    def put(self, number: int, value: bytes) -> None:
        """Set one key and commit."""
        try:
            self._tree[number] = value
            self._manager.commit()
        except BaseException:
            self._manager.abort()
            raise

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Walk over the tree."""
        return [(int(number), bytes(value)) for number, value in self._tree.items(min=from_number)]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete keys in one transaction."""
        for number in numbers:
            del self._tree[number]
        self._manager.commit()

    def tidy(self) -> None:
        """Pack, which writes the file anew without old revisions."""
        self._database.pack()

    def close(self) -> None:
        """Close the connection and the storage."""
        self._connection.close()
        self._database.close()
