"""Lost put: compaction truncates the live log and writes the rest back.

Compaction was tried on large logs, with reads in parallel, and with a full disk, and never
with a kill. One did come between the truncation and the write: the log was empty, and all
operations that were still open were gone.

Repair: write the shorter log next to the old one and rename it over it.
"""

import os
from collections.abc import Iterable

from planted_base import HEADER, MAGIC, PlainLog, write_file

from walcrash import Record


class Subject(PlainLog):
    """Compacts in place."""

    def open_log(self) -> None:
        path = self.directory / "wal.log"
        if path.exists() and path.stat().st_size < HEADER.size:
            self.create_log()
        super().open_log()

    def rewrite(self, records: Iterable[Record]) -> None:
        frames = b"".join(self.frame(record) for record in records)
        header = HEADER.pack(MAGIC, self.end_offset - len(frames))
        os.close(self.log)
        write_file(self.directory / "wal.log", header + frames)
        self.open_log()
