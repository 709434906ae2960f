"""Lost put: compaction unlinks the old log before the new one's name is durable.

Each compaction writes a log with the next number and removes the one before it, then syncs the
directory, once for both. A directory is not a journal: after a power failure the old name was gone
and the new one was not there yet.

Repair: sync the directory between the two.
"""

import os

from power_base import HEADER, MAGIC, DurableLog

from walcrash import Record


class Subject(DurableLog):
    """Removes a log while its successor may have no name."""

    def open_log(self) -> None:
        """Read the newest log, make it where there is none, and remove the older ones."""
        numbers = self.numbers()
        if not numbers:
            self.save("1.log", HEADER.pack(MAGIC, 0))
        self.number = max(numbers, default=1)
        path = self.directory / f"{self.number}.log"
        data = path.read_bytes()
        self.entries = []
        self.base = HEADER.unpack_from(data)[1] - HEADER.size
        whole = self.scan(data)
        self.end_offset = self.base + whole
        self.log = os.open(path, os.O_WRONLY | os.O_APPEND)
        self.truncate_tail(whole)
        # The name that was found may be no more durable than the content was.
        self.sync_directory()
        self.remove_older()

    def numbers(self) -> list[int]:
        """Return the numbers of all logs."""
        names = [name for name in os.listdir(self.directory) if name.endswith(".log")]
        return [int(name.removesuffix(".log")) for name in names]

    def remove_older(self) -> None:
        for number in self.numbers():
            if number < self.number:
                (self.directory / f"{number}.log").unlink()
        self.sync_directory()

    def rewrite(self, records: list[Record]) -> None:
        frames = b"".join(self.frame(record) for record in records)
        os.close(self.log)
        temporary = self.directory / "log.tmp"
        self.write_new(temporary, HEADER.pack(MAGIC, self.end_offset - len(frames)) + frames)
        os.replace(temporary, self.directory / f"{self.number + 1}.log")
        (self.directory / f"{self.number}.log").unlink()
        self.open_log()
