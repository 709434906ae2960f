"""Lost put: the sync goes to the wrong descriptor.

The log and its directory were both open, and a clean-up that gave the descriptors better names
swapped two of them in the hot path. The directory was synced after each record, diligently.

Repair: sync the descriptor that was written to.
"""

import os

from power_base import DurableLog, write_all

from walcrash import Record


class Subject(DurableLog):
    """Syncs the directory where it means the log."""

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        os.fsync(self.directory_fd)
