"""Lost put: the log is written through a mapping that nobody syncs.

A store through a mapping is a store to memory, and memory was made into a file by the kernel in
its own time. No call was left that could fail, and none that could wait.

Repair: `mmap.flush`, which is msync, before the append is acknowledged.
"""

import mmap

from right_preallocated import Subject as PreallocatedLog

from walcrash import Record


class Subject(PreallocatedLog):
    """Leaves its log to the kernel."""

    supports = PreallocatedLog.supports - {"compact"}

    def open_log(self) -> None:
        super().open_log()
        with open(self.directory / "wal.log", "r+b") as log:
            self.mapped = mmap.mmap(log.fileno(), 0)

    def write(self, record: Record, frame: bytes) -> None:
        start = self.end_offset - self.base
        self.mapped[start : start + len(frame)] = frame

    def close(self) -> None:
        self.mapped.flush()
        self.mapped.close()
        super().close()
