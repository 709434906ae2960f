"""Not appendable: a log whose tail was truncated refuses every record from then on, politely.

After a torn tail the log opened read-only, "until somebody has looked at it". Each append was
refused with a clear error and nothing was written, so nothing was ever lost; and nothing could
be written either, on every machine that had lost its power once.

Repair: truncate the torn tail and go on; what was torn was never acknowledged.
"""

from planted_base import PlainLog

from walcrash import DefiniteFailure, Record


class Subject(PlainLog):
    """Refuses for certain once it has found a torn tail."""

    def truncate_tail(self, position: int) -> None:
        super().truncate_tail(position)
        self.save("read-only", b"")

    def append(self, record: Record) -> int:
        if (self.directory / "read-only").exists():
            raise DefiniteFailure("the log is read-only, since its tail was torn")
        return super().append(record)
