"""Lost put: after a failed sync the log goes on at the offset where it was.

The record was refused, and what followed was written behind it. btrfs of 2020 had taken the file
back to what it was at its last sync, and left the descriptor's offset where it stood: the next
record came behind a hole of zeros, at which the reader takes the log to end. Where memory keeps
what a sync could not write, the refused record is simply there.

Repair: after a failed sync take the record away, and go back to where it began.
"""

import os

from error_base import CarefulLog

from walcrash import Record


class Subject(CarefulLog):
    """Goes on where it was; it has no state."""

    supports = frozenset({"reopen"})

    def apply(self) -> int:
        return 0

    def open_log(self) -> None:
        super().open_log()
        os.close(self.log)
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY)
        os.lseek(self.log, 0, os.SEEK_END)

    def write(self, record: Record, frame: bytes) -> None:
        before = os.fstat(self.log).st_size
        try:
            self.write_frame(frame)
        except OSError as problem:
            self.cut_off(before, problem)
            raise
        try:
            os.fsync(self.log)
        except OSError:
            self.end_offset += len(frame)
            raise
