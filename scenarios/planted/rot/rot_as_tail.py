"""Silent rot: whatever is bad is taken for a torn tail, and cut off with all that is behind it.

A bit flipped in a record that was acknowledged long ago. The next start stopped reading there, cut
the file, and went on without a word; hundreds of good records behind it were gone.

Repair: look whether anything behind it proves that it was durable, and refuse then.
"""

from rot_base import SealedLog


class Subject(SealedLog):
    """Cuts there."""

    def check_tail(self, data: bytes, position: int) -> None:
        pass
