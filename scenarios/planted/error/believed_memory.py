"""Lost put after a power loss: what could not be synced is believed when it is read again.

The sync of a long record failed, its append was refused, and the log stopped, which is right. The
next start read the record from the page cache, synced the file, got 0, and went on behind it. The
kernel had marked the pages as clean, so that sync wrote none of them; when the power went, the
record was a hole, and everything acknowledged behind it was gone.

Repair: write the log anew when it is opened, before anything is appended behind what it held.
"""

from error_base import CarefulLog, DurableLog


class Subject(CarefulLog):
    """Opens the log as if memory were the disk."""

    def open_log(self) -> None:
        DurableLog.open_log(self)
