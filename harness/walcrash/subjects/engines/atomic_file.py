"""A file that is written whole for each append: the family of atomic file writers.

`in-place` truncates the file and writes it again. `replace` writes a temporary file and renames
it over the old one, with a sync of the file before and of the directory after, or without.
`atomicwrites` is the package of that name, which does both.

What they promise, under rename's own rule that one of the two files is there: in place nothing,
not even after a kill. Without a sync of the file a power loss leaves nothing that can be counted
on: ext4's `auto_da_alloc` gives the file its size before the rename, and its content may be zeros.
Without a sync of the directory the last renames may be gone.

Source: `rename(2)`, `fsync(2)`; ext4 as of Linux 5.6; atomicwrites' README.
"""

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from walcrash.subjects.engines.numbered import NumberedStore
from walcrash.subjects.engines.package import need, one_of
from walcrash.subjects.engines.stored_record import NotARecord
from walcrash.values.contract import Contract, PersistenceModel, Promise

WRITERS: Final = ("in-place", "replace", "atomicwrites")
_HEAD: Final = struct.Struct("<QI")


class AtomicFileAdapter(NumberedStore):
    """Drives one of the writers.

    Args:
        writer: one of `WRITERS`.
        fsync_file: with `replace`: sync the temporary file before the rename.
        fsync_directory: with `replace`: sync the directory behind the rename.
    """

    supports = frozenset({"compact", "reopen"})

    def __init__(
        self, *, writer: str = "replace", fsync_file: bool = True, fsync_directory: bool = True
    ) -> None:
        super().__init__()
        self._writer = one_of("writer", writer, WRITERS)
        self._fsync_file = fsync_file
        self._fsync_directory = fsync_directory
        self._atomicwrites: Any = None
        if writer == "atomicwrites":
            self._atomicwrites = need("atomicwrites", extra="atomicwrites")
        self._path = ""
        self._values: dict[int, bytes] = {}
        self.contract = _contract(writer, fsync_file, fsync_directory)

    def open_store(self, directory: Path) -> None:
        """Read the file, and take away a temporary one that a crash left."""
        self._path = str(directory / "log")
        for name in os.listdir(directory):
            if name != "log":
                os.unlink(directory / name)
        self._values = _read(self._path) if os.path.exists(self._path) else {}

    def put(self, number: int, value: bytes) -> None:
        """Write the file with one more record."""
        self._values[number] = value
        self._save()

    def items(self, from_number: int) -> Iterable[tuple[int, bytes]]:
        """Return what was read and put."""
        return [(number, value) for number, value in self._values.items() if number >= from_number]

    def delete(self, numbers: Sequence[int]) -> None:
        """Write the file without some records."""
        for number in numbers:
            del self._values[number]
        self._save()

    def close(self) -> None:
        """Nothing is left to do."""

    def _save(self) -> None:
        entries = sorted(self._values.items())
        data = b"".join(_HEAD.pack(number, len(value)) + value for number, value in entries)
        if self._writer == "atomicwrites":
            with self._atomicwrites.atomic_write(self._path, mode="wb", overwrite=True) as file:
                file.write(data)
        elif self._writer == "in-place":
            with open(self._path, "wb") as file:
                file.write(data)
        else:
            self._replace(data)

    def _replace(self, data: bytes) -> None:
        temporary = f"{self._path}.tmp"
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            if self._fsync_file:
                os.fsync(file.fileno())
        os.replace(temporary, self._path)
        if self._fsync_directory:
            descriptor = os.open(os.path.dirname(self._path), os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _read(path: str) -> dict[int, bytes]:
    with open(path, "rb") as file:
        data = file.read()
    values: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + _HEAD.size > len(data):
            raise NotARecord(f"the file ends within a record's head, at {at} of {len(data)} bytes")
        number, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + length > len(data):
            raise NotARecord(f"the file ends within record {number}, at {len(data)} bytes")
        values[number] = data[at : at + length]
        at += length
    return values


def _contract(writer: str, fsync_file: bool, fsync_directory: bool) -> Contract:
    if writer == "in-place":
        return Contract(kill=Promise.NONE, power=Promise.NONE)
    if writer == "atomicwrites" or (fsync_file and fsync_directory):
        return Contract(model=PersistenceModel.POSIX)
    if fsync_file:
        return Contract(power=Promise.PREFIX, model=PersistenceModel.POSIX)
    return Contract(power=Promise.NONE)
