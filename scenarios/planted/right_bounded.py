"""Right, though it seems wrong: a log of fixed room refuses in the words of a full disk.

A record that is larger than what the log takes is refused for certain, before a byte is written,
with the text of ENOSPC. The disk has room; the words are the log's own.

Resembles: a subject on a disk that is full.
"""

import errno
import os

from planted_base import PlainLog

from walcrash import DefiniteFailure, Record

MOST_BYTES = 1000


class Subject(PlainLog):
    """Has a room of its own and says so."""

    def append(self, record: Record) -> int:
        if len(record.payload) + len(record.error) > MOST_BYTES:
            raise DefiniteFailure(os.strerror(errno.ENOSPC))
        return super().append(record)
