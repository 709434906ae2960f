"""Lost mark: marks wait in memory for the next put.

To halve the number of writes, `MarkDone` and `MarkFailed` were kept back and written in one
call with the `PutOperation` that comes next. A worker that finished its last operation and was
killed while idle came back with that operation open, and ran it again.

Repair: write every record before its append returns; a mark is as much a promise as a put.
"""

from planted_base import PlainLog, write_all

from walcrash import Record, RecordType


class Subject(PlainLog):
    """Keeps acknowledged marks in memory."""

    waiting = b""

    def write(self, record: Record, frame: bytes) -> None:
        self.waiting += frame
        if record.type is RecordType.PUT:
            self.flush()

    def flush(self) -> None:
        frames, self.waiting = self.waiting, b""
        write_all(self.log, frames)
