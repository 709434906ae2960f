"""Unrecoverable: recovery waits for the rest of a torn record.

The reader was written for following a live log: where a record is not whole yet, it looks
again. In recovery there is nobody left who could write the rest, and it looked for ever.

Repair: in recovery, a record that is not whole is the end of the log.
"""

from planted_base import FRAME, HEADER, PlainLog


class Subject(PlainLog):
    """Hangs on what a crash leaves."""

    def scan(self, data: bytes) -> int:
        position = HEADER.size
        while position < len(data):
            body = self.body_at(data, position)
            if body is not None:
                self.entries.append((self.base + position, self.decode(body)))
                position += FRAME.size + len(body)
        return position
