"""Effect before append, after a kill and a power failure: recovery trusts the page cache.

A worker was killed between the write of a put and its sync. Recovery read the put, whole and
with a right checksum, and the engine sent it. The bytes had come from the page cache; nobody had
asked for them to be written since. Then the power failed, and the put was gone.

Repair: recovery syncs the log before it shows what it has read.
"""

from power_base import DurableLog, PlainLog


class Subject(DurableLog):
    """Takes what it can read for what is on the disk."""

    def open_log(self) -> None:
        PlainLog.open_log(self)
        self.sync_directory()
