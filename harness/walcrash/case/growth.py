"""Growth: how much room a subject takes in a boot whose writes nobody sees.

A recovery is not watched, so its folder is looked at now and then: what its files take on the
disk, holes not counted. It gets as much more as a watched boot may write.

Not here: files outside the folder, and files without a name; a full disk is `full_folder`.
"""

import time
from typing import Final

from walcrash.recorder.tree import size_bytes
from walcrash.values.limits import BYTES_PER_BOOT

# limits
LOOK_SECONDS: Final = 0.1
"""How often the folder is looked at: a boot that is over before is not looked at at all."""


class GrownTooMuch(Exception):
    """The folder holds more than a boot may add to it."""


class Growth:
    """Watches one folder during one boot."""

    def __init__(self, folder: str) -> None:
        """Note what the folder holds now."""
        self._folder = folder
        self._most_bytes = size_bytes(folder) + BYTES_PER_BOOT
        self._due = time.monotonic() + LOOK_SECONDS

    def check(self) -> None:
        """Look at the folder, if it is time to.

        Raises:
            GrownTooMuch: it has grown beyond the limit.
        """
        if time.monotonic() < self._due:
            return
        size = size_bytes(self._folder)
        if size > self._most_bytes:
            raise GrownTooMuch
        self._due = time.monotonic() + LOOK_SECONDS


def grown_text() -> str:
    """Return what is said of a boot that took too much."""
    return f"its folder grew by more than {BYTES_PER_BOOT >> 20} MiB in one boot, then killed"
