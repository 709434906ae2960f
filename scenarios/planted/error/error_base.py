"""A small write-ahead log that says so when a call fails: the base of every bug in this directory.

`CarefulLog` is `DurableLog` of the directory `power`, with every error of a call taken for what it
may mean:

- A record that was not written as a whole is cut off again, and its append is refused. Where even
  that fails, or a sync does, the log takes nothing more until it is opened again.
- Open writes the log anew: after a failed sync, what it reads may be in memory only, and a later
  sync would not write that (`fsync(2)` says 0 of pages that the kernel calls clean).
- A file is replaced by a new one, or it is the old one; where nobody knows which, since the sync of
  the directory failed, the log takes nothing more.
- Compaction lets go of the old log when it has the new one.

Not here: what survives a power loss when no call fails, which is `DurableLog`'s.

Source: `write(2)`, `fsync(2)`; Rebello et al., "Can Applications Recover from fsync Failures?",
ATC 2020.
"""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from walcrash import EffectSink, Record


def load_power_base() -> ModuleType:
    """Return the module of `DurableLog`, which lies beside this directory."""
    name = "power_base"
    if name not in sys.modules:
        place = Path(__file__).resolve().parents[1] / "power" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


power_base = load_power_base()
FRAME = power_base.FRAME
HEADER = power_base.HEADER
MAGIC = power_base.MAGIC
DurableLog = power_base.DurableLog
write_all = power_base.write_all


class CarefulLog(DurableLog):
    """The right subject.

    Attributes:
        failure: why it takes nothing more; None while it does.
    """

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.failure: OSError | None = None
        super().open(directory, effect)

    def open_log(self) -> None:
        """Read the log, and write it anew before anything of it is shown."""
        data = self.load("wal.log", HEADER.pack(MAGIC, 0))
        self.entries: list[tuple[int, Record]] = []
        self.base = HEADER.unpack_from(data)[1] - HEADER.size
        whole = self.scan(data)
        self.end_offset = self.base + whole
        self.save("wal.log", data[:whole])
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY | os.O_APPEND)

    def append(self, record: Record) -> int:
        self.check()
        return int(super().append(record))

    def write(self, record: Record, frame: bytes) -> None:
        before = os.fstat(self.log).st_size
        try:
            self.write_frame(frame)
        except OSError as problem:
            self.cut_off(before, problem)
            raise
        self.sync_log()

    def write_frame(self, frame: bytes) -> None:
        """Write a whole frame at the end of the log."""
        write_all(self.log, frame)

    def cut_off(self, position: int, problem: OSError) -> None:
        """Take away what was written of a record."""
        try:
            os.ftruncate(self.log, position)
        except OSError:
            self.failure = problem

    def apply(self) -> int:
        self.check()
        return int(super().apply())

    def compact(self) -> None:
        self.check()
        super().compact()

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the log by one of fewer records that ends at the same offset."""
        frames = b"".join(self.frame(record) for record in records)
        self.save("wal.log", HEADER.pack(MAGIC, self.end_offset - len(frames)) + frames)
        old = self.log
        with self.or_nothing_more():
            self.open_log()
        os.close(old)

    def close(self) -> None:
        try:
            if self.failure is None:
                self.sync_log()
                self.apply()
        finally:
            os.close(self.log)
            os.close(self.directory_fd)

    def sync_log(self) -> None:
        with self.or_nothing_more():
            super().sync_log()

    def sync_directory(self) -> None:
        with self.or_nothing_more():
            super().sync_directory()

    @contextlib.contextmanager
    def or_nothing_more(self) -> Iterator[None]:
        """Take nothing more where this fails."""
        try:
            yield
        except OSError as problem:
            self.failure = problem
            raise

    def check(self) -> None:
        """Refuse to go on after a failure that leaves open what is on the disk."""
        if self.failure is not None:
            raise OSError(self.failure.errno, f"no more writes, since one failed: {self.failure}")
