"""Unrecoverable: a new file is renamed into place before its data is synced.

The state was written to a temporary file and renamed over the old one, so that there would
always be a whole one. The rename was durable, the data was not: after a power failure there was
a state file of no bytes at all.

Repair: sync the temporary file before the rename.
"""

from power_base import DurableLog


class Subject(DurableLog):
    """Makes a name durable whose content is not."""

    def sync_new(self, fd: int) -> None:
        """Count on the sync of the directory."""
