"""Silent rot: how long the log is stands in a file of its own, and is believed when it is mapped.

A file system check had cut the log. The length beside it still said what it had been, the log was
mapped for so many bytes, and the first read behind the end of the file ended the process with
SIGBUS: no message, and nothing in any log but a restart that ended in the same way.

Repair: hold the length against that of the file, and refuse one that is shorter.
"""

from right_mapped_length import Subject as Mapped


class Subject(Mapped):
    """Maps what it was told."""

    def require_length(self, length: int, size: int) -> None:
        pass
