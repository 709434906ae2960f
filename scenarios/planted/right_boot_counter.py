"""Right, though it seems wrong: each boot takes a number, and keeps it in a file.

The number is replaced as a whole when the log is opened, before anything is appended, and every
record is stamped with it. So each recovery changes the directory and no two boots have the same
number, but what recovery shows does not depend on it.

Resembles: a recovery that counts, and shows something else each time.
"""

import json

from planted_base import PlainLog

from walcrash import Record


class Subject(PlainLog):
    """Stamps each record with the number of its boot."""

    number = 0

    def open_log(self) -> None:
        if not self.number:
            self.number = int(self.load("boots", b"0")) + 1
            self.save("boots", str(self.number).encode("ascii"))
        super().open_log()

    def encode(self, record: Record) -> bytes:
        # In so many digits that a record that is rewritten in a later boot keeps its length.
        return json.dumps([f"{self.number:06}", record.to_json()]).encode("ascii")

    def decode(self, body: bytes) -> Record:
        number, record = json.loads(body)
        assert int(number) <= self.number, "a record of a boot that has not been"
        return Record.from_json(record)
