"""What a file system makes of a sync that could not write: when it says so, and what memory keeps.

Each marks the pages clean, so that no later sync writes them unless they are written again:

- `kept`: the sync fails, and memory keeps the new content. ext4, XFS, and btrfs of Linux 6.18 do
  so (measured, `walcrash models failed-sync`).
- `late`: the sync returns 0, since the data is in the journal, and the file's next sync fails in
  its place and does nothing. From then on the journal may let go of what the first one had
  covered. ext4 with data=journal did so in 2020; Linux 6.18 fails at once (measured).
- `reverted`: the sync fails, and the file reads again as it did after its last sync that went
  well, its size included; the offsets of its descriptors stay. btrfs did so in 2020.

Not here: what a power loss then finds (`walcrash.disk.pending`), how a file goes back
(`walcrash.recorder.reverting`).

Source: Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020, section 3, and
its emulator CuttleFS (`Ext4Data`, `Btrfs`), which was read.
"""

from enum import Enum


class SyncFailure(Enum):
    """How a sync fails; the value is its name in scenarios."""

    KEPT = "kept"
    LATE = "late"
    REVERTED = "reverted"

    def column(self, error: str) -> str:
        """Return the column of a fault matrix for a sync that fails so: `EIO late`."""
        return error if self is SyncFailure.KEPT else f"{error} {self.value}"
