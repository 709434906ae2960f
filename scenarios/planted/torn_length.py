"""Unrecoverable: recovery makes room for a record by a length of which a part is missing.

A short read of a frame's header was padded to its full size with `bytes.ljust`, which fills
with spaces, not with zeros. When a kill had cut the four bytes of the length, the missing ones
read as 0x20: recovery asked for half a gigabyte for a record of 200 bytes, and small machines
killed it, again at each restart.

Repair: a header that is not whole is the end of the log; and a length beyond the end of the
file is damage, to be found before any room is made for it.
"""

from planted_base import FRAME, PlainLog, write_all

from walcrash import Record


class Subject(PlainLog):
    """Trusts a length that was torn."""

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame[: FRAME.size])
        write_all(self.log, frame[FRAME.size :])

    def body_at(self, data: bytes, position: int) -> bytes | None:
        header = data[position : position + FRAME.size]
        if header:
            length, _ = FRAME.unpack(header.ljust(FRAME.size))
            self.room = b"\0" * length
        return super().body_at(data, position)
