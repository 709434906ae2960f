"""Lost put after a power loss: the error of a sync came with the next one.

The `fsync` of the record returned 0, since ext4 with data=journal had it in the journal; the write
to its own place failed, and the file's next `fsync`, another record's, said so. That record was
refused, and the first one had been acknowledged. The log is right where a sync fails at once.

Repair: acknowledge when a second sync has returned 0 as well: it waits for the place itself.
"""

from error_base import CarefulLog


class Subject(CarefulLog):
    """Believes one sync."""
