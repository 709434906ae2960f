"""Lost put: recovery truncates a file's torn tail, does not sync that, and appends behind it.

Every boot begins a file of its own, so nothing is ever written behind a tail that a crash has
torn. Recovery reads file after file up to the first frame that is not whole, truncates
that file there, and drops the files behind it. It syncs what it has read before it truncates, and
not after: the truncation seemed to be nothing that anybody waits for. A process was killed within
a write, the next boot truncated the tail and acknowledged puts in its own file, and the power
failed. The truncation was undone, the torn frame was back in the middle of the log, and recovery
dropped the puts behind it.

Repair: sync a file after it was truncated, before anything is appended anywhere.
"""

import os

from power_base import DurableLog

from walcrash import Contract, PersistenceModel

SUFFIX = ".boot"


class Subject(DurableLog):
    """Appends to a new file while the truncation of the one before it is not durable."""

    contract = Contract(model=PersistenceModel.POSIX, max_attempts=3)
    supports = DurableLog.supports - {"compact"}

    def open_log(self) -> None:
        """Read file after file; make what was read durable, truncate, and begin a new file."""
        self.entries, self.base, self.end_offset = [], 0, 0
        numbers = self.numbers()
        is_whole = True
        for number in numbers:
            if is_whole:
                is_whole = self.read_file(number)
            else:
                (self.directory / f"{number}{SUFFIX}").unlink()
        path = self.directory / f"{max(numbers, default=0) + 1}{SUFFIX}"
        self.log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        self.sync_directory()

    def numbers(self) -> list[int]:
        """Return the numbers of the files, in the order in which they were begun."""
        names = [name for name in os.listdir(self.directory) if name.endswith(SUFFIX)]
        return sorted(int(name.removesuffix(SUFFIX)) for name in names)

    def read_file(self, number: int) -> bool:
        """Add a file's records and truncate its torn tail; return whether it had none."""
        path = self.directory / f"{number}{SUFFIX}"
        data = path.read_bytes()
        self.base = self.end_offset
        whole = self.scan(data, position=0)
        self.end_offset = self.base + whole
        self.log = os.open(path, os.O_WRONLY)
        self.sync_log()
        if whole < len(data):
            os.ftruncate(self.log, whole)
        os.close(self.log)
        return whole == len(data)
