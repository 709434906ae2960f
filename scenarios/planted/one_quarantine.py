"""Lost put after two crashes: the damaged log is put aside, and there is room for one.

Recovery did not touch a log with a torn tail: it was put aside as `wal.old`, still read, and new
records went to a fresh file. A clean shutdown merged the two. A worker that crashed in the
middle of a write twice in a row put its second log in the place of its first one.

Repair: truncate the torn tail and go on with the one log; or number what is put aside.
"""

import os

from planted_base import HEADER, MAGIC, PlainLog

from walcrash import Record


class Subject(PlainLog):
    """Has one place for a damaged log."""

    def open_log(self) -> None:
        super().open_log()
        old, new = self.records_of("wal.old"), self.records_of("wal.log")
        # A shutdown that was killed halfway leaves records in both files.
        start = self.base + HEADER.size
        self.entries = [entry for entry in old if entry[0] < start] + new

    def records_of(self, name: str) -> list[tuple[int, Record]]:
        self.entries = []
        data = self.load(name, b"")
        if data:
            self.base = HEADER.unpack_from(data)[1] - HEADER.size
            self.scan(data)
        return self.entries

    def truncate_tail(self, position: int) -> None:
        os.close(self.log)
        self.save("wal.old", self.load("wal.log", b""))
        self.save("wal.log", HEADER.pack(MAGIC, self.end_offset))
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY | os.O_APPEND)

    def close(self) -> None:
        self.rewrite([record for _, record in self.entries])
        (self.directory / "wal.old").unlink(missing_ok=True)
        super().close()
