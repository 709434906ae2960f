"""Unrecoverable: the checkpoint file is overwritten in place.

Eight bytes, so the argument went, are written at once. But the file is truncated first, and a
kill right then leaves an empty one. Recovery could not unpack it and refused to start, on a
store whose log was in perfect order.

Repair: write a temporary file and rename it; and a checkpoint that cannot be read is 0.
"""

import struct

from planted_base import PlainLog, write_file


class Subject(PlainLog):
    """Leaves a moment in which there is no whole checkpoint."""

    def save_checkpoint(self) -> None:
        write_file(self.directory / "checkpoint", struct.pack("<Q", self.end_offset))
        self.checkpoint = self.end_offset

    def load(self, name: str, default: bytes) -> bytes:
        data = super().load(name, default)
        if name == "checkpoint" and data is not default:
            return str(*struct.unpack("<Q", data)).encode("ascii")
        return data
