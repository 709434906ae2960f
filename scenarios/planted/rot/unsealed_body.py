"""Silent rot: the checksum covers the head of a record, and not its body.

A flipped bit in a payload comes back as data. The head is found whole, so nothing is wrong.

Repair: seal head and body.
"""

from rot_base import SealedLog


class Subject(SealedLog):
    """Believes the body."""

    def is_whole(self, frame: bytes) -> bool:
        return True
