"""Lost put: recovery completes a compaction that had not been completed.

Somebody had seen a `wal.log.tmp` after a crash and thought of it as the newer log that only
lacked its rename, so recovery did the rename. When the kill had come in the middle of writing
that file, half a log replaced the whole one.

Repair: a temporary file that was never renamed is no log; remove it.
"""

import os

from planted_base import HEADER, PlainLog


class Subject(PlainLog):
    """Takes a temporary file that may be torn for the log."""

    def open_log(self) -> None:
        temporary = self.directory / "wal.log.tmp"
        if temporary.exists() and temporary.stat().st_size >= HEADER.size:
            os.replace(temporary, self.directory / "wal.log")
        super().open_log()
