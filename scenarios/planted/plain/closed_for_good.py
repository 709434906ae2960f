"""Not appendable, without a crash: what was closed once takes no more records.

`close` leaves a mark that the log is complete, for the tool that ships finished logs. A process
that is restarted in an orderly way finds the mark, and refuses to write.

Repair: a log is finished by whoever finishes it, and not by a process that ends.
"""

from pathlib import Path

from walcrash import EffectSink, Record
from walcrash.subjects.reference import ReferenceAdapter


class Subject(ReferenceAdapter):
    """Refuses to append after a clean close."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        self.mark = directory / "complete"
        self.is_complete = self.mark.exists()

    def append(self, record: Record) -> int:
        if self.is_complete:
            raise PermissionError("the log is complete")
        return super().append(record)

    def close(self) -> None:
        super().close()
        self.mark.touch()
