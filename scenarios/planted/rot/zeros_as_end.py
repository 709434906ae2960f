"""Silent rot: zeros are taken for the end of the log, whatever is behind them.

A sector that reads as zeros in the middle of the log. Where a log is preallocated, zeros are what
is behind its end, so the next start stopped there and cut off the rest.

Repair: look whether a record lies behind the zeros.
"""

from rot_base import SealedLog


class Subject(SealedLog):
    """Stops at zeros."""

    def check_tail(self, data: bytes, position: int) -> None:
        if data[position : position + 16].strip(b"\0"):
            super().check_tail(data, position)
