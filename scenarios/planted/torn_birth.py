"""Unrecoverable: a log that was only half made is never made whole.

The header of a new log was written straight into the file. A kill in the first millisecond of
a store's life left a file without its header, and every later start failed to read it. Fresh
containers that were killed by an eager scheduler never came up again.

Repair: make the log under a temporary name and rename it; or make it anew where the header is
not whole, since nothing can have been acknowledged.
"""

from planted_base import HEADER, MAGIC, PlainLog, write_file


class Subject(PlainLog):
    """Leaves half a header."""

    def create_log(self) -> None:
        write_file(self.directory / "wal.log", HEADER.pack(MAGIC, 0))
