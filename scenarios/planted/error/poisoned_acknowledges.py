"""Lost put: after a failure the writer takes nothing more, and acknowledges it.

The flag that stops the writer was checked where records are written, and the check returned early
without an error.

Repair: refuse.
"""

from error_base import CarefulLog

from walcrash import Record


class Subject(CarefulLog):
    """Returns early."""

    def check(self) -> None:
        pass

    def write(self, record: Record, frame: bytes) -> None:
        if self.failure is None:
            super().write(record, frame)
