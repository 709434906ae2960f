"""Lost put: a ring uses the room that its head has freed before the head is durable.

Each record was written through a descriptor with O_DSYNC, and the head through one without: "the
next record syncs the file". A record syncs what it writes itself, and no other bytes. So records
went over the room that compaction had freed, and when the power failed the old head led into the
middle of them, where the log ended: every operation behind it was gone.

Repair: sync the head before the room that it frees is used.
"""

import os

from right_ring import Subject as Ring


class Subject(Ring):
    """Counts on the sync of the next record."""

    def open_head(self) -> int:
        return os.open(self.directory / "wal.ring", os.O_WRONLY)
