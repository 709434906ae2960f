"""RocksDB as a log: one key a record, through rocksdict.

With `sync` a put is promised to survive a power loss; without, a kill. Without a WAL only what
was flushed is there after either, which is a prefix. With `acknowledges = "sync"`, records are
promised by `flush_wal(sync=true)`.

Its threads start with `open`, and outlive a closed store, idle and with nothing of it.

Source: RocksDB wiki, "WAL Performance" and "Basic Operations", `WriteOptions` in `options.h`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from walcrash.subjects.engines.numbered import KEY, NumberedStore, number_of
from walcrash.subjects.engines.package import need, one_of
from walcrash.values.contract import Acknowledges, Contract, Promise


class RocksDbAdapter(NumberedStore):
    """Drives RocksDB.

    Args:
        sync: sync the WAL at each put.
        disable_wal: write no WAL.
        acknowledges: `append`, or `sync`.
        write_buffer_kibibytes: how much is kept in memory before a table is written; RocksDB's
            own default is 65536.
    """

    supports = frozenset({"compact", "reopen"})

    def __init__(
        self,
        *,
        sync: bool = False,
        disable_wal: bool = False,
        acknowledges: str = "append",
        write_buffer_kibibytes: int = 65536,
    ) -> None:
        super().__init__()
        self._rocksdict = need("rocksdict", extra="rocksdb")
        self._buffer_bytes = write_buffer_kibibytes << 10
        self._write = self._rocksdict.WriteOptions()
        self._write.sync = sync
        self._write.disable_wal = disable_wal
        self._store: Any = None
        if one_of("acknowledges", acknowledges, ("append", "sync")) == "sync":
            self.supports = self.supports | {"sync"}
            self.contract = Contract(acknowledges=Acknowledges.SYNC)
        elif disable_wal:
            self.contract = Contract(kill=Promise.PREFIX, power=Promise.PREFIX)
        else:
            self.contract = Contract(power=Promise.ALL if sync else Promise.PREFIX)

    def open_store(self, directory: Path) -> None:
        """Open the database in a directory of its own."""
        options = self._rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(self._buffer_bytes)
        self._store = self._rocksdict.Rdict(str(directory / "db"), options)
        self._store.set_write_options(self._write)

    def put(self, number: int, value: bytes) -> None:
        """Put one key."""
        self._store.put(KEY.pack(number), value, write_opt=self._write)

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Walk with an iterator, which is not valid behind the last key and after an error."""
        found = []
        walk = self._store.iter()
        walk.seek(KEY.pack(from_number))
        while walk.valid():
            found.append((number_of(walk.key()), walk.value()))
            walk.next()
        walk.status()
        return found

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete keys in one batch."""
        batch = self._rocksdict.WriteBatch(raw_mode=True)
        for number in numbers:
            batch.delete(KEY.pack(number))
        self._store.write(batch, write_opt=self._write)

    def tidy(self) -> None:
        """Flush and compact all levels."""
        self._store.compact_range(None, None)

    def sync(self) -> None:
        """Sync the WAL, or flush to tables where there is none."""
        if "sync" not in self.supports:
            super().sync()
        if self._write.disable_wal:
            self._store.flush(True)
        else:
            self._store.flush_wal(True)

    def close(self) -> None:
        """Close the database."""
        self._store.close()
