"""Lost put, only in logs over 64 KiB: a record that crosses from one file to the next.

The log is divided into files of 64 KiB, and a record may begin in one and end in the next. An
append syncs the file that it has just written to; of such a record, that is only the second
half. No test had written so much.

Repair: sync every file that a record lies in.
"""

import os

from power_base import DurableLog, write_all

from walcrash import Record

FILE_BYTES = 64 * 1024


class Subject(DurableLog):
    """Syncs the last file of a record."""

    supports = DurableLog.supports - {"compact"}

    def open_log(self) -> None:
        """Read all files as one; what lies behind the last whole record is truncated or removed."""
        self.entries, self.log, self.base = [], -1, 0
        self.end_offset = self.scan(self.content(), position=0)
        last = self.end_offset // FILE_BYTES
        for number in self.parts():
            if number > last:
                (self.directory / part_name(number)).unlink()
        self.open_part(last)
        self.truncate_tail(self.end_offset % FILE_BYTES)

    def content(self) -> bytes:
        """Return what the files hold up to the first that is short or missing."""
        data = b""
        for number in self.parts():
            if len(data) == number * FILE_BYTES:
                data += self.load(part_name(number), b"")
        return data

    def parts(self) -> list[int]:
        """Return the numbers of all files, in order."""
        names = [name for name in os.listdir(self.directory) if name.endswith(".part")]
        return sorted(int(name.removesuffix(".part")) for name in names)

    def open_part(self, number: int) -> None:
        if self.log >= 0:
            os.close(self.log)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.log = os.open(self.directory / part_name(number), flags, 0o644)
        self.sync_directory()

    def write(self, record: Record, frame: bytes) -> None:
        position = self.end_offset
        while frame:
            room = FILE_BYTES - position % FILE_BYTES
            write_all(self.log, frame[:room])
            position += len(frame[:room])
            if position % FILE_BYTES == 0:
                self.open_part(position // FILE_BYTES)
            frame = frame[room:]
        self.sync_log()


def part_name(number: int) -> str:
    """Return the name of the log's file of this number, from 0."""
    return f"{number}.part"
