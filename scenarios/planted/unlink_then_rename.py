"""Lost put, only between two calls: compaction unlinks the old log, then renames the new one.

On Windows a rename onto a file that exists fails, so the port unlinked the old log first, and
the code went into the common path. A kill between the two calls leaves no log under its name.
The next boot took the directory for a new one and made an empty log; the good one lay beside it
as `wal.log.tmp`.

Repair: `os.replace`, which is atomic everywhere; never unlink what is about to be replaced.
"""

import os

from planted_base import PlainLog, write_file


class Subject(PlainLog):
    """Leaves a moment in which there is no log."""

    def save(self, name: str, data: bytes) -> None:
        if name != "wal.log":
            super().save(name, data)
            return
        path = self.directory / name
        temporary = self.directory / "wal.log.tmp"
        write_file(temporary, data)
        path.unlink(missing_ok=True)
        os.rename(temporary, path)
