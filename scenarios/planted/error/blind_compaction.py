"""Lost put: compaction renames the new log, though it could not be written.

The helper that writes a file logged its errors and returned, so that compaction never knew. The
old log was complete until the rename.

Repair: rename what was written and synced, and nothing else.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from error_base import CarefulLog

from walcrash import Record


class Subject(CarefulLog):
    """Replaces its log by a part of it."""

    is_compacting = False

    def rewrite(self, records: Iterable[Record]) -> None:
        self.is_compacting = True
        try:
            super().rewrite(records)
        finally:
            self.is_compacting = False

    def write_new(self, path: Path, data: bytes) -> None:
        is_unsaid = contextlib.suppress(OSError) if self.is_compacting else contextlib.nullcontext()
        with is_unsaid:
            super().write_new(path, data)
