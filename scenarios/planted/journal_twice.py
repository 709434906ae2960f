"""Order: a record that was about to be appended is appended again.

Each record went to a small journal first, so that a torn log could be repaired from it, and
the journal was emptied when the log had it. A kill after the write to the log and before that
made recovery append the record a second time: attempts were counted twice, and an operation
that had failed once was given up early.

Repair: write the record's offset into the journal, and skip what the log already holds there.
"""

from planted_base import PlainLog

from walcrash import Record


class Subject(PlainLog):
    """Replays its journal without looking at the log."""

    def open_log(self) -> None:
        super().open_log()
        body = self.load("journal", b"")
        if body:
            frame = self.frame(self.decode(body))
            super().write(self.decode(body), frame)
            self.entries.append((self.end_offset, self.decode(body)))
            self.end_offset += len(frame)
            self.save("journal", b"")

    def write(self, record: Record, frame: bytes) -> None:
        self.save("journal", self.encode(record))
        super().write(record, frame)
        self.save("journal", b"")
