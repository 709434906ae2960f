"""Subjects that are wrong in one way each: the reference with one method spoilt.

None of them is a WAL bug; the question is what the harness says to whoever wrote them.
"""

import ctypes
import mmap
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from walcrash.subjects.adapter import Adapter, EffectSink
from walcrash.subjects.reference import ReferenceAdapter
from walcrash.values.contract import Contract
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationState, OperationStatus, SubjectState

OUTSIDE = os.environ.get("BAD_SUBJECT_OUTSIDE", "/nowhere")


class Right(ReferenceAdapter):
    """Nothing wrong."""


class NoAdapter:
    """Looks like one, and is none."""


class Abstract(Adapter):
    """Misses what an adapter must have."""


class RaisesInInit(ReferenceAdapter):
    def __init__(self) -> None:
        raise RuntimeError("no licence")


class RaisesInOpen(ReferenceAdapter):
    def open(self, directory: Path, effect: EffectSink) -> None:
        raise RuntimeError("cannot open this")


class NeedsMemory(ReferenceAdapter):
    """Needs 8 MB to open anything, as an engine with a cache does."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.cache = bytearray(8 << 20)
        super().open(directory, effect)


class HangsInOpen(ReferenceAdapter):
    def open(self, directory: Path, effect: EffectSink) -> None:
        time.sleep(3600)


class HangsInAppend(ReferenceAdapter):
    def append(self, record: Record) -> int:
        while True:
            pass


class PrintsMalformedOutput(ReferenceAdapter):
    def append(self, record: Record) -> int:
        print('{"ok": true}\n' * 20_000)
        os.write(2, b"\x00\xff\x1b[31m" * 100_000)
        return super().append(record)


class PrintsForever(ReferenceAdapter):
    def append(self, record: Record) -> int:
        while True:
            os.write(1, b"rubbish\n" * 512)


class NoneFromAppend(ReferenceAdapter):
    def append(self, record: Record) -> int:
        super().append(record)
        return None  # type: ignore[return-value]


class MalformedReplay(ReferenceAdapter):
    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        return ["one", "two"]  # type: ignore[list-item]


class NoneReplay(ReferenceAdapter):
    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        return None  # type: ignore[return-value]


class EndlessReplay(ReferenceAdapter):
    def replay(self, from_offset: int) -> Iterable[tuple[int, Record]]:
        record = Record(RecordType.PUT, "again", 1, payload=b"x" * 100)
        offset = 0
        while True:
            offset += 1
            yield offset, record


class TextFromEnd(ReferenceAdapter):
    def end(self) -> int:
        return "far away"  # type: ignore[return-value]


class OddState(ReferenceAdapter):
    """A state whose numbers are none."""

    def state(self) -> SubjectState:
        return SubjectState("here", None, {})  # type: ignore[arg-type]


class OddOperations(ReferenceAdapter):
    def state(self) -> SubjectState:
        odd = OperationState(OperationStatus.FAILED, None, "soon")  # type: ignore[arg-type]
        return SubjectState(0, 0, {("a", 1): odd})  # type: ignore[dict-item]


class ListState(ReferenceAdapter):
    def state(self) -> SubjectState:
        return []  # type: ignore[return-value]


class OddTick(ReferenceAdapter):
    def tick(self, now_ms: int) -> Sequence[str]:
        super().tick(now_ms)
        return [object(), 5]  # type: ignore[list-item]


class HugeOffset(ReferenceAdapter):
    def append(self, record: Record) -> int:
        super().append(record)
        return 10**6000


class ExitsInAppend(ReferenceAdapter):
    def append(self, record: Record) -> int:
        sys.exit("enough")


class QuitsInAppend(ReferenceAdapter):
    def append(self, record: Record) -> int:
        os._exit(5)


class CrashesInAppend(ReferenceAdapter):
    def append(self, record: Record) -> int:
        ctypes.string_at(0)
        return 0


class EatsMemory(ReferenceAdapter):
    def open(self, directory: Path, effect: EffectSink) -> None:
        self._held = [bytearray(1 << 20) for _ in range(2000)]


class DeletesDirectory(ReferenceAdapter):
    def append(self, record: Record) -> int:
        offset = super().append(record)
        shutil.rmtree(self._where)
        return offset

    def open(self, directory: Path, effect: EffectSink) -> None:
        self._where = directory
        super().open(directory, effect)


class ClosesEverything(ReferenceAdapter):
    def append(self, record: Record) -> int:
        os.closerange(0, 256)
        return super().append(record)


class WritesOutside(ReferenceAdapter):
    """Keeps a diary beside its directory; harmless."""

    def append(self, record: Record) -> int:
        with open(OUTSIDE, "a", encoding="ascii") as diary:
            diary.write("appended\n")
        return super().append(record)


class KeepsElsewhere(ReferenceAdapter):
    """Has its log outside its directory: every case finds what the one before left."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        place = Path(OUTSIDE + "-log")
        place.mkdir(exist_ok=True)
        super().open(place, effect)


class MapsItsFile(ReferenceAdapter):
    def append(self, record: Record) -> int:
        path = Path(self._where) / "mapped"
        path.write_bytes(b"\0" * 4096)
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 4096) as mapped:
            mapped[:4] = b"seen"
        return super().append(record)

    def open(self, directory: Path, effect: EffectSink) -> None:
        self._where = directory
        super().open(directory, effect)


class RestlessThread(ReferenceAdapter):
    """A thread that goes on in the background, in a file of its own."""

    def append(self, record: Record) -> int:
        threading.Thread(target=self._go_on, daemon=True).start()
        return super().append(record)

    def open(self, directory: Path, effect: EffectSink) -> None:
        self._where = directory
        super().open(directory, effect)

    def _go_on(self) -> None:
        for number in range(50):
            try:
                (self._where / "restless").write_text(str(number), encoding="ascii")
            except OSError:
                return
            time.sleep(0.001)


class LeavesADaemon(ReferenceAdapter):
    """A process that lives on and writes to the directory, boot after boot."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    try:
                        (directory / "daemon").write_text("here", encoding="ascii")
                    except OSError:
                        os._exit(0)
                    time.sleep(0.01)
            os._exit(0)
        os.wait()


class KillsItsParents(ReferenceAdapter):
    def append(self, record: Record) -> int:
        os.kill(os.getppid(), signal.SIGKILL)
        return super().append(record)


class Unshowable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text either")


class UnshowableError(ReferenceAdapter):
    def open(self, directory: Path, effect: EffectSink) -> None:
        raise Unshowable


class OddContract(ReferenceAdapter):
    def __init__(self) -> None:
        super().__init__()
        self.contract = "everything"  # type: ignore[assignment]


class OddTears(ReferenceAdapter):
    def __init__(self) -> None:
        super().__init__()
        self.contract = Contract(atomic_bytes=100)


class OddSupports(ReferenceAdapter):
    supports = None  # type: ignore[assignment]


class Fat(ReferenceAdapter):
    """Writes far more than its records."""

    def append(self, record: Record) -> int:
        with open(self._where / "fat", "ab") as file:
            file.write(b"x" * 40_000)
        return super().append(record)

    def open(self, directory: Path, effect: EffectSink) -> None:
        self._where = directory
        super().open(directory, effect)


class MistypedSupports(ReferenceAdapter):
    supports = frozenset({"sync", "compaction"})
