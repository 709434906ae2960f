"""Unrecoverable: a torn tail is an error.

The reader took half a record at the end of the log for corruption and refused to start. That
is right for damage in the middle, but half a record at the end is what every crash in the
middle of a write leaves. The service stayed down until somebody truncated the file by hand.

Repair: a torn tail is not an error; truncate it.
"""

from planted_base import PlainLog


class Subject(PlainLog):
    """Refuses what a crash leaves."""

    def truncate_tail(self, position: int) -> None:
        raise ValueError(f"the log is corrupt at byte {position}")
