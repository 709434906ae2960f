"""Not appendable, only by a kill a few bytes into a write: half a header is not truncated.

Recovery truncated a torn body, but it asked "is there another header?" to see whether anything was
left, and one to seven bytes are none. They stayed, new records went behind them, and the next
recovery found a header that was no header.

Repair: truncate whatever lies behind the last whole record, also a single byte.
"""

import os

from planted_base import FRAME, PlainLog, write_all

from walcrash import Record


class Subject(PlainLog):
    """Appends behind a torn header."""

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame[: FRAME.size])
        write_all(self.log, frame[FRAME.size :])

    def truncate_tail(self, position: int) -> None:
        if os.fstat(self.log).st_size - position >= FRAME.size:
            super().truncate_tail(position)
