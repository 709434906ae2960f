"""Lost put, without a crash: after a clean close the last record is taken for a trailer.

An older format ended a log that was closed cleanly with a trailer, and left a file that said so.
The trailer is gone; recovery still leaves out the last record where it finds that file. After a
crash the file is not there, so every crash test passed.

Repair: what ends a log is told by what is in it.
"""

from collections.abc import Iterable
from pathlib import Path

from walcrash import EffectSink, Record
from walcrash.subjects.reference import ReferenceAdapter


class Subject(ReferenceAdapter):
    """Leaves out the last record of a log that was closed."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        self.mark = directory / "clean"
        offsets = [offset for offset, _ in super().replay(0)]
        self.trailer = offsets[-1] if offsets and self.mark.exists() else -1
        self.mark.unlink(missing_ok=True)

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        return [item for item in super().replay(from_offset) if item[0] != self.trailer]

    def close(self) -> None:
        super().close()
        self.mark.touch()
