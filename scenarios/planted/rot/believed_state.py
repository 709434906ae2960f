"""Silent rot: the state is believed as it is read, since it has no checksum.

A flipped bit in an id or a status of the saved state. The log is whole, and what it says of the
operations that had been applied is not asked any more.

Repair: seal the state as the log is sealed.
"""

from rot_base import SealedLog


class Subject(SealedLog):
    """Reads what is there."""

    def seal(self, data: bytes, name: str) -> bytes:
        return data if name == "state" else super().seal(data, name)

    def unseal(self, data: bytes, name: str) -> bytes:
        return data if name == "state" else super().unseal(data, name)
