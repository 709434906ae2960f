"""Unrecoverable: the checkpoint is emptied before it is written, and the write fails.

The file is written in place. On a full disk its old content was gone and the new one refused, and
the next start could not read a number in it.

Repair: write a new file, and rename it.
"""

import os

from error_base import CarefulLog, write_all


class Subject(CarefulLog):
    """Writes its checkpoint in place."""

    def save_checkpoint(self) -> None:
        fd = os.open(self.directory / "checkpoint", os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(fd, 0)
            write_all(fd, str(self.end_offset).encode("ascii"))
            os.fsync(fd)
        finally:
            os.close(fd)
        self.checkpoint = self.end_offset
