"""LMDB as a log: one key a record, one transaction an append.

With its defaults every commit is synced. `metasync=False` may undo the last commit in a power
cut and keeps the database whole; `sync=False` and `map_async` may corrupt it, since nothing
orders its pages; all keep everything after a kill. `writemap` alone changes how pages are
written (into a mapping), not the promise.

Source: `lmdb.h`, the flags of `mdb_env_open`; py-lmdb, "Environment class".
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from walcrash.subjects.engines.numbered import KEY, NumberedStore, number_of
from walcrash.subjects.engines.package import need
from walcrash.values.contract import Contract, Promise

MEBIBYTE: Final = 1 << 20


class LmdbAdapter(NumberedStore):
    """Drives LMDB.

    Args:
        sync: flush at each commit.
        metasync: flush the meta page at each commit.
        writemap: write through a writable mapping.
        map_async: with `writemap`, flush asynchronously.
        map_mebibytes: most that the store may hold; with `writemap` the file is as long.
    """

    supports = frozenset({"compact", "reopen"})

    def __init__(
        self,
        *,
        sync: bool = True,
        metasync: bool = True,
        writemap: bool = False,
        map_async: bool = False,
        map_mebibytes: int = 4,
    ) -> None:
        super().__init__()
        self._lmdb = need("lmdb", extra="lmdb")
        self._flags: dict[str, object] = {
            "sync": sync,
            "metasync": metasync,
            "writemap": writemap,
            "map_async": map_async,
            "map_size": map_mebibytes * MEBIBYTE,
        }
        self._environment: Any = None
        self.contract = Contract(power=_power(sync, metasync, writemap and map_async))

    def open_store(self, directory: Path) -> None:
        """Open the environment."""
        self._environment = self._lmdb.open(str(directory), **self._flags)

    def put(self, number: int, value: bytes) -> None:
        """Put one key, in a transaction of its own."""
        with self._environment.begin(write=True) as transaction:
            transaction.put(KEY.pack(number), value, append=True)

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Walk with a cursor."""
        found = []
        with self._environment.begin() as transaction, transaction.cursor() as cursor:
            if cursor.set_range(KEY.pack(from_number)):
                found = [(number_of(bytes(key)), bytes(value)) for key, value in cursor]
        return found

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete keys in one transaction; their pages are used again."""
        with self._environment.begin(write=True) as transaction:
            for number in numbers:
                transaction.delete(KEY.pack(number))

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()


def _power(sync: bool, metasync: bool, is_async: bool) -> Promise:
    if not sync or is_async:
        return Promise.NONE
    return Promise.ALL if metasync else Promise.PREFIX
