"""Phantom record: an append whose sync failed is refused for certain, and is there.

The record is in the file, and a start after a kill reads it: nobody knows whether it will be
there. The writer told its caller that it certainly is not.

Repair: say that it may be there, or cut it off first.
"""

from error_base import CarefulLog

from walcrash import DefiniteFailure, Record


class Subject(CarefulLog):
    """Says more than it knows."""

    def append(self, record: Record) -> int:
        try:
            return super().append(record)
        except OSError as problem:
            raise DefiniteFailure(str(problem)) from problem
