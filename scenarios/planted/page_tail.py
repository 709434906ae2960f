"""Lost put, only with payloads over a page: the last page of a large record waits.

Large records went out in whole pages of 4096 bytes, and the rest was combined with whatever
came next. All tests used small payloads. The first customer with attachments lost the last
one at each restart: its record was acknowledged with its tail still in memory, so recovery
found it torn and truncated it.

Repair: write all of a record before its append returns.
"""

from planted_base import PlainLog, write_all

from walcrash import Record

PAGE_BYTES = 4096


class Subject(PlainLog):
    """Keeps what lies behind the last whole page of a large record in memory."""

    rest = b""

    def write(self, record: Record, frame: bytes) -> None:
        data = self.rest + frame
        whole = len(data) - len(data) % PAGE_BYTES if len(frame) > PAGE_BYTES else len(data)
        self.rest = data[whole:]
        write_all(self.log, data[:whole])

    def flush(self) -> None:
        rest, self.rest = self.rest, b""
        write_all(self.log, rest)
