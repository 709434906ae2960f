"""Right, though it seems wrong: it ends its process at the first error.

Resembles a crash; what it acknowledged is there.
"""

import os

from error_base import CarefulLog

from walcrash import Record

STATUS = 3


class Subject(CarefulLog):
    """Ends."""

    def append(self, record: Record) -> int:
        try:
            return super().append(record)
        except OSError:
            os._exit(STATUS)
