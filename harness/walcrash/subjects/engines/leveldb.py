"""LevelDB as a log: one key a record, through plyvel.

With `sync=True` a put is promised to survive a power loss. Without, its documentation promises
that a kill loses nothing and that a power loss loses the last puts.

Its background thread starts with `open`; two boots in one process would share it.

Source: LevelDB, `doc/index.md`, "Synchronous Writes", "Checksums"; plyvel, "DB".
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from walcrash.subjects.engines.numbered import KEY, NumberedStore, number_of
from walcrash.subjects.engines.package import need
from walcrash.values.contract import Contract, Promise


class LevelDbAdapter(NumberedStore):
    """Drives LevelDB.

    Args:
        sync: sync each put.
        write_buffer_kibibytes: how much is kept in memory before a table is written and the log
            is switched; LevelDB's own default is 4096.
        synced_every: without `sync`, one of so many puts is synced; 0 for none.
        paranoid: any damage that is noticed is an error, `paranoid_checks` of LevelDB.
    """

    supports = frozenset({"compact", "reopen"})

    def __init__(
        self,
        *,
        sync: bool = True,
        write_buffer_kibibytes: int = 4096,
        synced_every: int = 0,
        paranoid: bool = False,
    ) -> None:
        super().__init__()
        self._plyvel = need("plyvel", extra="leveldb")
        self._sync = sync
        self._synced_every = synced_every
        self._paranoid = paranoid
        self._buffer_bytes = write_buffer_kibibytes << 10
        self._store: Any = None
        self.contract = Contract(power=Promise.ALL if sync else Promise.PREFIX)

    def open_store(self, directory: Path) -> None:
        """Open the database in a directory of its own, since it makes that."""
        self._store = self._plyvel.DB(
            str(directory / "db"),
            create_if_missing=True,
            paranoid_checks=self._paranoid,
            write_buffer_size=self._buffer_bytes,
        )

    def put(self, number: int, value: bytes) -> None:
        """Put one key."""
        is_synced = bool(self._synced_every) and number % self._synced_every == 0
        self._store.put(KEY.pack(number), value, sync=self._sync or is_synced)

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Walk with an iterator, checksums verified."""
        with self._store.iterator(start=KEY.pack(from_number), verify_checksums=True) as found:
            return [(number_of(key), value) for key, value in found]

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete keys in one batch."""
        with self._store.write_batch(transaction=True, sync=self._sync) as batch:
            for number in numbers:
                batch.delete(KEY.pack(number))

    def tidy(self) -> None:
        """Compact all levels."""
        self._store.compact_range()

    def close(self) -> None:
        """Close the database."""
        self._store.close()
