"""Growth: how much room a subject takes in a boot whose writes nobody sees.

A recovery is not watched, so its directory is measured now and then: what its files take on the
disk, holes not counted. From the first measure on it gets as much more as a watched boot may write.

Not here: files outside the directory, and files without a name; a full disk is `full_directory`.
"""

import time
from typing import Final

from walcrash.recorder.tree import size_bytes
from walcrash.values.limits import BYTES_PER_BOOT

# limits
RECOVERY_SECONDS: Final = 0.1
"""How often the directory is measured: that of a shorter boot is not measured at all."""


class GrownTooMuch(Exception):
    """The directory holds more than a boot may add to it."""


class Growth:
    """Watches one directory during one boot."""

    def __init__(self, directory: str) -> None:
        """Begin with a boot."""
        self._directory = directory
        self._most_bytes: int | None = None
        self._due = time.monotonic() + RECOVERY_SECONDS

    def check(self) -> None:
        """Measure the directory, if it is time to.

        Raises:
            GrownTooMuch: it has grown beyond the limit.
        """
        if time.monotonic() < self._due:
            return
        size = size_bytes(self._directory)
        if self._most_bytes is None:
            # Most boots end before: what they began with was measured in vain.
            self._most_bytes = size + BYTES_PER_BOOT
        if size > self._most_bytes:
            raise GrownTooMuch
        self._due = time.monotonic() + RECOVERY_SECONDS


def grown_text() -> str:
    """Return the message for a boot that took too much."""
    return f"its directory grew by more than {BYTES_PER_BOOT >> 20} MiB in one boot, then killed"
