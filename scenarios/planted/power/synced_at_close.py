"""Lost put: the log is synced once, when it is closed.

A benchmark had shown that one sync at shutdown is as good as many before it, and shutdowns were
all that was tested. The machine that lost its power had been up for a month.

Repair: sync the log before the append is acknowledged.
"""

import os

from power_base import DurableLog


class Subject(DurableLog):
    """Keeps its promises on a clean shutdown only."""

    def sync_log(self) -> None:
        """Leave it for later."""

    def close(self) -> None:
        os.fsync(self.log)
        super().close()
