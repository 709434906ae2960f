"""A small write-ahead log that syncs in a thread of its own: the base of every bug with slow calls.

`FlushedLog` is `DurableLog` of the directory `power` with one thread more. Who needs the log to be
durable says up to where, and waits; the flusher syncs, and then says up to where that reached: what
had been written when the sync began, and no more.

Not here: what survives a power loss when no call is slow, which is `DurableLog`'s.

Source: `fsync(2)`: it transfers what was modified before the call.
"""

import importlib.util
import os
import sys
import threading
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
DurableLog = power_base.DurableLog
write_all = power_base.write_all


class FlushedLog(DurableLog):
    """The right subject.

    Attributes:
        written: how many records have been written.
        wanted: how many of them somebody wants to be durable.
        synced: how many of them are.
        has_begun: whether a sync is under way.
    """

    supports = frozenset({"reopen"})

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.changed = threading.Condition()
        self.written = self.wanted = self.synced = 0
        self.has_begun = self.is_closing = False
        self.flusher: threading.Thread | None = None
        super().open(directory, effect)
        self.flusher = threading.Thread(target=self.keep_flushing, daemon=True)
        self.flusher.start()

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)
        self.written += 1
        self.make_durable()

    def make_durable(self) -> None:
        """Return when all that has been written is durable."""
        self.ask_for_sync()
        with self.changed:
            self.changed.wait_for(lambda: self.synced >= self.written)

    def ask_for_sync(self) -> None:
        """Let the flusher sync what has been written until now."""
        with self.changed:
            self.wanted = self.written
            self.changed.notify_all()

    def keep_flushing(self) -> None:
        """Sync whenever somebody asks for it; what the flusher does."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.wanted > self.synced or self.is_closing)
                if self.is_closing:
                    return
                reached, self.has_begun = self.written, True
            os.fsync(self.log)
            with self.changed:
                self.synced, self.has_begun = reached, False
                self.changed.notify_all()

    def close(self) -> None:
        self.make_durable()
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()
        assert self.flusher is not None
        self.flusher.join()
        super().close()
