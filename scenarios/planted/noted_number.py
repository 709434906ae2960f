"""Not appendable: numbering starts again after a kill, since only `close` notes the next number.

Records had a number, and one whose number was known already was taken for a copy of an old one.
The next number was noted when the log was closed, and the note removed when it was opened, so that
it was never stale. After a kill there was no note, the numbers began at 0, and the records of the
next life were taken for copies: acknowledged, written, and never seen again.

Repair: the next number is one behind the last in the log.
"""

import json

from planted_base import HEADER, PlainLog

from walcrash import Record


class Subject(PlainLog):
    """Leaves out a record with a number that it has seen."""

    number = 0

    def open_log(self) -> None:
        super().open_log()
        self.number = int(self.load("next", str(self.number).encode("ascii")))
        (self.directory / "next").unlink(missing_ok=True)

    def encode(self, record: Record) -> bytes:
        self.number += 1
        return json.dumps([self.number - 1, record.to_json()]).encode("ascii")

    def decode(self, body: bytes) -> Record:
        return Record.from_json(json.loads(body)[1])

    def scan(self, data: bytes, position: int = HEADER.size) -> int:
        """Read as the base does, and leave out what has a number that was seen."""
        end = super().scan(data, position)
        first: dict[int, tuple[int, Record]] = {}
        for offset, record in self.entries:
            body = self.body_at(data, offset - self.base)
            assert body is not None, "it was read just now"
            first.setdefault(json.loads(body)[0], (offset, record))
        self.entries = list(first.values())
        return end

    def close(self) -> None:
        super().close()
        self.save("next", str(self.number).encode("ascii"))
