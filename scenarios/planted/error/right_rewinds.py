"""Right, though it seems wrong: after a failed sync it goes on, without being opened again.

Resembles: `unwound_offset`. It takes the refused record away and goes back to where it began, so
that what it writes next is there as a whole, whatever the file system kept.
"""

import os

from error_base import CarefulLog

from walcrash import Record


class Subject(CarefulLog):
    """Goes back to where the record began."""

    def open_log(self) -> None:
        super().open_log()
        os.close(self.log)
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY)
        os.lseek(self.log, 0, os.SEEK_END)

    def write(self, record: Record, frame: bytes) -> None:
        before = os.lseek(self.log, 0, os.SEEK_CUR)
        try:
            self.write_frame(frame)
            os.fsync(self.log)
        except OSError as problem:
            self.cut_off(before, problem)
            os.lseek(self.log, before, os.SEEK_SET)
            raise
