"""The Vix.cpp sync WAL behind the adapter: its format, its writer and its reader as they are.

Each append opens the file, writes at its end, flushes and closes. It never reads what is
there already, so that it writes behind a torn tail as well; replay stops at that tail, and
what was appended behind it is not seen again. Flushed is not synced: nothing ever is, neither
the file nor its directory, also with `fsync_on_write`, which the original takes and does not use.

What of that can be promised:

- After a kill, nothing: one kill within a write is enough to lose every later append. A kill
  between two writes does no harm; `scenarios/engines/vixw-flushed.toml` states that.
- After a power loss, nothing, since what was never synced may come back torn, and as zeros.

It has no checksum, so it detects no damage.

The original has no checkpoint and no outbox of its own; those are the application's.

Source: the WAL of github.com/vixcpp/vix.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from walcrash.subjects.adapter import Adapter, DefiniteFailure, EffectSink
from walcrash.values.contract import Contract, PersistenceModel, Promise
from walcrash.values.record import Record
from walcrash.wal.errors import ValueRefused
from walcrash.wal.vixw import VixwReader, encode_record, system_calls

LOG_NAME = "wal.log"


class VixwAdapter(Adapter):
    """Drives the Vix.cpp WAL.

    Args:
        fsync_on_write: the original's option, which flushes and does not sync.
    """

    contract = Contract(kill=Promise.NONE, power=Promise.NONE, model=PersistenceModel.ORDERED)
    supports = frozenset({"reopen"})

    def __init__(self, *, fsync_on_write: bool = False) -> None:
        self.fsync_on_write = fsync_on_write

    def open(self, directory: Path, effect: EffectSink) -> None:
        """Remember where the file is: the original recovers nothing before it is asked."""
        self._path = directory / LOG_NAME

    def append(self, record: Record) -> int:
        """Append one record at the end of the file, whatever is there, and flush it."""
        try:
            pieces = encode_record(record)
        except ValueRefused as refused:
            raise DefiniteFailure(str(refused)) from refused
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            offset = os.lseek(fd, 0, os.SEEK_END)
            for buffers in system_calls(pieces):
                _write_all(fd, buffers)
        finally:
            os.close(fd)
        return offset

    def replay(self, from_offset: int) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) up to the first bytes that are no whole record."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            # The original makes room for a field before it knows that the file has it.
            for header, record in VixwReader(fd, reserve=bytearray).records(from_offset):
                if record is not None:
                    yield header.offset, record
        finally:
            os.close(fd)

    def end(self) -> int:
        """Return the length of the file, since that is where the next record will be."""
        return self._path.stat().st_size if self._path.exists() else 0

    def close(self) -> None:
        """Do nothing: no append leaves anything open."""


def _write_all(fd: int, buffers: list[bytes]) -> None:
    """Write the buffers in one call, unless the system takes fewer bytes."""
    written = os.writev(fd, buffers)
    rest = b"".join(buffers)[written:]
    while rest:
        rest = rest[os.write(fd, rest) :]
