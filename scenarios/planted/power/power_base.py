"""A small write-ahead log that survives a power loss: the base of every bug in this directory.

`DurableLog` is `PlainLog` with its promises made durable, under the weakest model (`posix`):

- An append is acknowledged when its bytes are synced.
- A file is replaced by writing and syncing a new one, renaming it, and syncing the directory. The
  temporary file is always a new one: a rename that was half done leaves both names to one file,
  and to empty the one would be to empty the other.
- Recovery syncs the log and the directory before it shows anything. What it has read may be no more
  than what the page cache held when the process before it was killed.
- A frame has a body: a run of zeros, which a grown file may hold, is none.

Not here: the format, the outbox, and when what is written, all of which are `PlainLog`'s.

Source: `fsync(2)`, `open(2)`, `rename(2)`.
"""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from walcrash import Contract, EffectSink, PersistenceModel, Record


def load_planted_base() -> ModuleType:
    """Return the module of `PlainLog`, which lies one directory above, whatever the path says."""
    name = "planted_base"
    if name not in sys.modules:
        place = Path(__file__).resolve().parents[1] / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        # A dataclass looks its own module up while it is made.
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


planted_base = load_planted_base()
FRAME = planted_base.FRAME
HEADER = planted_base.HEADER
MAGIC = planted_base.MAGIC
PlainLog = planted_base.PlainLog
write_all = planted_base.write_all


class DurableLog(PlainLog):
    """The right subject.

    Attributes:
        directory_fd: a descriptor of the directory, to sync its names.
    """

    contract = Contract(model=PersistenceModel.POSIX, max_attempts=planted_base.MAX_ATTEMPTS)

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        super().open(directory, effect)

    def open_log(self) -> None:
        """Read the log, and make durable what recovery is about to show."""
        super().open_log()
        self.sync_log()
        self.sync_directory()

    def body_at(self, data: bytes, position: int) -> bytes | None:
        return super().body_at(data, position) or None

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        self.sync_log()

    def truncate_tail(self, position: int) -> None:
        os.ftruncate(self.log, position)
        self.sync_log()

    def close(self) -> None:
        self.sync_log()
        super().close()
        os.close(self.directory_fd)

    def save(self, name: str, data: bytes) -> None:
        """Replace a file as a whole: a power loss leaves the old one or the new one."""
        temporary = self.directory / f"{name}.tmp"
        self.write_new(temporary, data)
        os.replace(temporary, self.directory / name)
        self.sync_directory()

    def write_new(self, path: Path, data: bytes) -> None:
        """Make a new file that durably holds `data`; its name is not durable yet."""
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        write_all(fd, data)
        self.sync_new(fd)
        os.close(fd)

    def sync_new(self, fd: int) -> None:
        """Make the content of a new file durable."""
        os.fsync(fd)

    def sync_log(self) -> None:
        """Make what was written to the log durable."""
        os.fsync(self.log)

    def sync_directory(self) -> None:
        """Make the names in the directory durable."""
        os.fsync(self.directory_fd)
