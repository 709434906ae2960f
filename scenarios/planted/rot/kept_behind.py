"""Silent rot: a damaged last record is kept in the log, and new records are written behind it.

The last record had a wrong checksum. Recovery could not know that from a torn write, left it out,
as is right, and kept its bytes in the file for whoever might look into it. The next record went
behind them. The start after that stopped at the bad bytes, as the one before had, took all of the
rest for a torn tail and cut it off, with every record that had been acknowledged since.

Repair: cut off what is left out, or keep it in another file.
"""

from rot_base import HEAD_BYTES, SUM, SealedLog, error_base


class Subject(SealedLog):
    """Keeps what it cannot read where it is, if nothing of it is missing; it has no state."""

    supports = frozenset({"reopen"})

    def apply(self) -> int:
        return 0

    def open_log(self) -> None:
        data = self.load("wal.log", b"")
        super().open_log()
        tail = data[self.end_offset - self.base :]
        length = self.head_at(data, self.end_offset - self.base)
        if length is not None and len(tail) == HEAD_BYTES + length + SUM.size:
            error_base.write_all(self.log, tail)
