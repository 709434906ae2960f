"""A small write-ahead log that notices what went bad at rest: the base of every bug here.

`SealedLog` is `CarefulLog` of the directory `error`, with other frames and with seals:

- A frame has a head (marker, its own offset, the body's length, a checksum of these) and behind
  the body a checksum of head and body. So a head proves that a record was appended at its offset.
- Each append is synced before the next one is written. What is bad, with the head of a later record
  behind it, was durable once: that is damage, and open refuses. Else it is a torn tail.
- State and checkpoint are replaced as whole files with a checksum: what does not fit was damaged. A
  log that ends before the state does was cut.
- The log's own header has a checksum, and is there before the first record.
- A compaction drops the put of what is done, so the mark by which it is done is no torn tail. A
  state in which something is not done, and of which the log has no put, has lost that mark.

Not here: damage to the last record, which cannot be told from a torn one and is cut off like that.

Source: Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018.
"""

import importlib.util
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from walcrash import Contract, Damage, EffectSink, PersistenceModel, Record, RecordType


def load_error_base() -> ModuleType:
    """Return the module of `CarefulLog`, which lies beside this directory."""
    name = "error_base"
    if name not in sys.modules:
        place = Path(__file__).resolve().parents[1] / "error" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


error_base = load_error_base()
CarefulLog = error_base.CarefulLog

MARKER = b"\xf7SEAL"
HEAD = struct.Struct("<5sQI")
SUM = struct.Struct("<I")
HEADER = struct.Struct("<8sQ")
LOG = b"SEALED\r\n"
LOG_HEADER_BYTES = HEADER.size + SUM.size
HEAD_BYTES = HEAD.size + SUM.size
SECTOR_BYTES = 512
SEGMENT_BYTES = 400


class Damaged(Exception):
    """Something that was durable is not what was written."""


def sealed(data: bytes) -> bytes:
    """Return data with its checksum behind it."""
    return data + SUM.pack(zlib.crc32(data))


def opened(data: bytes, what: str) -> bytes:
    """Return what was sealed."""
    content = data[: -SUM.size]
    if len(data) < SUM.size or sealed(content) != data:
        raise Damaged(f"{what} is not what was written, {len(data)} bytes")
    return content


class SealedLog(CarefulLog):
    """The right subject.

    Attributes:
        header_bytes: where the first record starts in the file.
    """

    header_bytes = LOG_HEADER_BYTES

    contract = Contract(
        model=PersistenceModel.POSIX,
        max_attempts=3,
        detects=frozenset({Damage.TORN, Damage.ROT}),
    )

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        self.require_puts()

    def require_puts(self) -> None:
        """Refuse a log without the put of what the state knows and no mark has made done."""
        puts = {record.id for _, record in self.entries if record.type is RecordType.PUT}
        for name, entry in self.outbox.items():
            if entry.status != "done" and name not in puts:
                raise Damaged(f"{name} is {entry.status}, and the log has no put of it")

    def open_log(self) -> None:
        """Read the log, and write it anew before anything of it is shown."""
        self.entries: list[tuple[int, Record]] = []
        data = self.load("wal.log", b"")
        if not data:
            self.require_new()
            data = self.log_header(0)
        self.base = self.read_header(data) - self.header_bytes
        whole = self.scan(data, self.header_bytes)
        self.end_offset = self.base + whole
        if whole < len(data):
            self.check_tail(data, whole)
        self.save_file("wal.log", data[:whole])
        self.log = os.open(self.directory / "wal.log", os.O_WRONLY | os.O_APPEND)

    def require_new(self) -> None:
        """Refuse a directory that has lost its log."""
        if (self.directory / "wal.log").exists() or (self.directory / "state").exists():
            raise Damaged("there is no log, and it is no new directory")

    def log_header(self, first: int) -> bytes:
        return sealed(HEADER.pack(LOG, first)).ljust(self.header_bytes, b"\0")

    def read_header(self, data: bytes) -> int:
        """Return the offset of the first record."""
        magic, first = HEADER.unpack(opened(data[:LOG_HEADER_BYTES], "the log's header"))
        if magic != LOG:
            raise Damaged("it is no log")
        return int(first)

    def check_tail(self, data: bytes, position: int) -> None:
        """Refuse what is bad and was durable, since something was appended behind it."""
        if self.head_behind(data, position):
            raise Damaged(f"no record at {self.base + position}, and others behind it")

    def head_behind(self, data: bytes, position: int) -> bool:
        found = data.find(MARKER, position + 1)
        while found >= 0:
            if self.head_at(data, found) is not None:
                return True
            found = data.find(MARKER, found + 1)
        return False

    def head_at(self, data: bytes, position: int) -> int | None:
        """Return the length of the body that the head at a position speaks of."""
        head = data[position : position + HEAD_BYTES]
        if len(head) < HEAD_BYTES or head != sealed(head[: HEAD.size]):
            return None
        marker, offset, length = HEAD.unpack_from(head)
        is_own = marker == MARKER and self.is_own_place(offset, position)
        return int(length) if is_own else None

    def is_own_place(self, offset: int, position: int) -> bool:
        """Return whether a record that states an offset belongs to its position in the file."""
        return offset == self.base + position

    def stated(self, offset: int, base: int) -> int:
        """Return the offset that a record states, in a file with that base."""
        return offset

    def frame_bytes(self, length: int) -> int:
        """Return how long a frame is."""
        return HEAD_BYTES + length + SUM.size

    def scan(self, data: bytes, position: int) -> int:
        """Add the whole records from `position` on to `entries`; return where they end."""
        while (body := self.body_at(data, position)) is not None:
            self.entries.append((self.base + position, self.decode(body)))
            position += self.frame_bytes(len(body))
        return position

    def body_at(self, data: bytes, position: int) -> bytes | None:
        length = self.head_at(data, position)
        if length is None:
            return None
        end = position + HEAD_BYTES + length + SUM.size
        if end > len(data) or not self.is_whole(data[position:end]):
            return None
        return data[position + HEAD_BYTES : end - SUM.size]

    def is_whole(self, frame: bytes) -> bool:
        """Return whether a frame is as it was written."""
        return sealed(frame[: -SUM.size]) == frame

    def frame(self, record: Record) -> bytes:
        return self.frame_for(self.encode(record), self.stated(self.end_offset, self.base))

    def frame_for(self, body: bytes, stated: int) -> bytes:
        frame = sealed(sealed(HEAD.pack(MARKER, stated, len(body))) + body)
        return frame.ljust(self.frame_bytes(len(body)), b"\0")

    def rewrite(self, records: list[Record]) -> None:
        """Replace the log by one of fewer records that ends at the same offset."""
        bodies = [self.encode(record) for record in records]
        first = self.end_offset - sum(self.frame_bytes(len(body)) for body in bodies)
        frames, offset = [], first
        for body in bodies:
            frames.append(self.frame_for(body, self.stated(offset, first - self.header_bytes)))
            offset += len(frames[-1])
        self.save_file("wal.log", self.log_header(first) + b"".join(frames))
        old = self.log
        with self.or_nothing_more():
            self.open_log()
        os.close(old)

    def replay(self, from_offset: int) -> Iterator[tuple[int, Record]]:
        return ((offset, record) for offset, record in self.entries if offset >= from_offset)

    def load_state(self) -> None:
        super().load_state()
        if self.applied > self.end_offset or self.checkpoint > self.applied:
            raise Damaged(f"the state is at {self.applied}, the log ends at {self.end_offset}")

    def load(self, name: str, default: bytes) -> bytes:
        path = self.directory / name
        if name == "wal.log" or not path.exists():
            return bytes(super().load(name, default))
        return self.unseal(path.read_bytes(), name)

    def unseal(self, data: bytes, name: str) -> bytes:
        """Return what a file holds."""
        return opened(data, name)

    def save(self, name: str, data: bytes) -> None:
        self.save_file(name, self.seal(data, name))

    def seal(self, data: bytes, name: str) -> bytes:
        """Return what is written into a file."""
        return sealed(data)

    def save_file(self, name: str, data: bytes) -> None:
        """Replace a file as a whole."""
        super().save(name, data)


class SectorLog(SealedLog):
    """The same with records that begin at a sector: a sector that goes bad hits one of them."""

    header_bytes = SECTOR_BYTES

    def frame_bytes(self, length: int) -> int:
        return -(-super().frame_bytes(length) // SECTOR_BYTES) * SECTOR_BYTES


class SegmentLog(SealedLog):
    """The same in segments of a few records, without compaction.

    Attributes:
        number: the number of the last segment, from 0.
    """

    supports = SealedLog.supports - {"compact"}

    def open_log(self) -> None:
        """Read the segments in order; the last one is written anew before anything is shown."""
        self.entries = []
        self.end_offset, self.number = 0, -1
        names = sorted(path.name for path in self.directory.glob("segment-*.log"))
        for name in names:
            self.number = int(name[len("segment-") : -len(".log")])
            data = (self.directory / name).read_bytes()
            first = self.read_header(data)
            self.check_first(first)
            self.base = first - self.header_bytes
            whole = self.scan(data, self.header_bytes)
            self.end_offset = self.base + whole
            if whole < len(data):
                self.check_end(data, whole, is_last=name == names[-1])
                data = data[:whole]
        if not names:
            self.require_new()
            self.new_segment()
            return
        self.save_file(self.segment(), data)
        self.log = os.open(self.directory / self.segment(), os.O_WRONLY | os.O_APPEND)

    def check_first(self, first: int) -> None:
        """Refuse a segment that does not begin where the one before it ended."""
        if first != self.end_offset:
            raise Damaged(f"a segment begins at {first}, the one before ended at {self.end_offset}")

    def check_end(self, data: bytes, position: int, *, is_last: bool) -> None:
        """Refuse what is bad anywhere but behind the last record of all."""
        if not is_last:
            raise Damaged(f"no record at {self.base + position}, and another segment behind it")
        self.check_tail(data, position)

    def segment(self) -> str:
        return f"segment-{self.number:06}.log"

    def new_segment(self) -> None:
        self.number += 1
        self.base = self.end_offset - self.header_bytes
        self.save_file(self.segment(), self.log_header(self.end_offset))
        self.log = os.open(self.directory / self.segment(), os.O_WRONLY | os.O_APPEND)

    def append(self, record: Record) -> int:
        if os.fstat(self.log).st_size > SEGMENT_BYTES:
            os.close(self.log)
            self.new_segment()
        return int(super().append(record))
