"""A small write-ahead log that keeps its promises: the base of every planted bug.

`wal.log` is MAGIC and the offset of its first record, then frames: the body's length and its
CRC-32, then the body, a record as JSON. Each append is one `os.write`; a torn tail is truncated
before anything is appended behind it; state and checkpoint are replaced as whole files. An offset
is a position in the log as if nothing had ever been compacted away, so it grows for ever.

Not here: any fsync. A process kill leaves the page cache as it is, and no power is lost here.
"""

import io
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from walcrash import (
    Adapter,
    Contract,
    EffectSink,
    OperationState,
    OperationStatus,
    Promise,
    Record,
    RecordType,
    SubjectState,
)

MAGIC = b"PLAINLOG"
HEADER = struct.Struct("<8sQ")
FRAME = struct.Struct("<II")

BUFFER_BYTES = 64 * 1024

IN_FLIGHT_TIMEOUT_MS = 30_000
MAX_ATTEMPTS = 3


@dataclass(slots=True)
class Entry:
    """One operation of the outbox; a status is the value of an `OperationStatus`."""

    status: str = OperationStatus.PENDING.value
    attempts: int = 0
    error: str = ""
    next_retry_at_ms: int = 0

    def is_due(self, now_ms: int) -> bool:
        is_retry = self.status == "failed" and self.next_retry_at_ms <= now_ms
        return self.status == "pending" or is_retry


class PlainLog(Adapter):
    """The right subject.

    Attributes:
        entries: every record of the log with its offset.
        outbox: what all records amount to, by operation id, in the order of their puts.
        in_flight: when each operation that was sent and not yet marked was sent, in ms.
        applied: up to which offset the state file reflects the log.
        checkpoint: what the checkpoint file says.
    """

    contract = Contract(power=Promise.NONE, max_attempts=MAX_ATTEMPTS)
    supports = frozenset({"checkpoint", "apply", "effects", "compact", "reopen"})

    def open(self, directory: Path, effect: EffectSink) -> None:
        self.directory = directory
        self.effect = effect
        self.open_log()
        self.load_state()
        for _, record in self.replay(self.replay_start()):
            self.fold(record)

    def append(self, record: Record) -> int:
        offset = self.end_offset
        frame = self.frame(record)
        self.write(record, frame)
        self.end_offset += len(frame)
        self.entries.append((offset, record))
        self.fold(record)
        return offset

    def replay(self, from_offset: int) -> Iterator[tuple[int, Record]]:
        return ((offset, record) for offset, record in self.entries if offset >= from_offset)

    def end(self) -> int:
        return self.end_offset

    def apply(self) -> int:
        """Save the state first and the checkpoint second, so that it is never ahead."""
        self.flush()
        self.save_state()
        self.save_checkpoint()
        return self.checkpoint

    def state(self) -> SubjectState:
        operations = {name: self.shown(name, entry) for name, entry in self.outbox.items()}
        return SubjectState(self.checkpoint, self.applied, operations)

    def tick(self, now_ms: int) -> Sequence[str]:
        self.requeue(now_ms)
        sent = self.due(now_ms)
        for name in sent:
            self.in_flight[name] = now_ms
            self.effect(name)
        return sent

    def compact(self) -> None:
        """Drop what is below the checkpoint and belongs to operations that are done."""
        done = {name for name, entry in self.outbox.items() if entry.status == "done"}
        cut = self.checkpoint
        self.rewrite([r for offset, r in self.entries if offset >= cut or r.id not in done])

    def close(self) -> None:
        self.apply()
        os.close(self.log)

    def open_log(self) -> None:
        """Read the log, make it where there is none, and truncate a torn tail."""
        path = self.directory / "wal.log"
        if not path.exists():
            self.create_log()
        data = path.read_bytes()
        self.entries: list[tuple[int, Record]] = []
        self.base = HEADER.unpack_from(data)[1] - HEADER.size
        whole = self.scan(data)
        self.end_offset = self.base + whole
        self.log = os.open(path, os.O_WRONLY | os.O_APPEND)
        if whole < len(data):
            self.truncate_tail(whole)

    def create_log(self) -> None:
        self.save("wal.log", HEADER.pack(MAGIC, 0))

    def scan(self, data: bytes, position: int = HEADER.size) -> int:
        """Add the whole records from `position` on to `entries`; return where they end."""
        while (body := self.body_at(data, position)) is not None:
            self.entries.append((self.base + position, self.decode(body)))
            position += FRAME.size + len(body)
        return position

    def body_at(self, data: bytes, position: int) -> bytes | None:
        """Return the body of the frame at `position`, or None if no whole frame is there."""
        if len(data) - position < FRAME.size:
            return None
        length, checksum = FRAME.unpack_from(data, position)
        start = position + FRAME.size
        body = data[start : start + length]
        return body if len(body) == length and zlib.crc32(body) == checksum else None

    def truncate_tail(self, position: int) -> None:
        os.ftruncate(self.log, position)

    def frame(self, record: Record) -> bytes:
        body = self.encode(record)
        return FRAME.pack(len(body), zlib.crc32(body)) + body

    def encode(self, record: Record) -> bytes:
        return json.dumps(record.to_json()).encode("ascii")

    def decode(self, body: bytes) -> Record:
        return Record.from_json(json.loads(body))

    def write(self, record: Record, frame: bytes) -> None:
        write_all(self.log, frame)

    def flush(self) -> None:
        """Write what appends have left in memory: nothing here."""

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the log by one of fewer records that ends at the same offset."""
        self.flush()
        frames = b"".join(self.frame(record) for record in records)
        os.close(self.log)
        self.save("wal.log", HEADER.pack(MAGIC, self.end_offset - len(frames)) + frames)
        self.open_log()

    def load_state(self) -> None:
        saved = json.loads(self.load("state", b'{"applied": 0, "outbox": {}, "in_flight": {}}'))
        self.applied: int = saved["applied"]
        self.outbox = {name: Entry(*fields) for name, fields in saved["outbox"].items()}
        self.in_flight: dict[str, int] = saved["in_flight"]
        self.checkpoint = int(self.load("checkpoint", b"0"))

    def replay_start(self) -> int:
        """Return where the state file ends, which a crash can leave ahead of the checkpoint."""
        return self.applied

    def save_state(self) -> None:
        outbox = {name: astuple(entry) for name, entry in self.outbox.items()}
        saved = {"applied": self.end_offset, "outbox": outbox, "in_flight": self.in_flight}
        self.save("state", json.dumps(saved).encode("ascii"))
        self.applied = self.end_offset

    def save_checkpoint(self) -> None:
        self.save("checkpoint", str(self.end_offset).encode("ascii"))
        self.checkpoint = self.end_offset

    def load(self, name: str, default: bytes) -> bytes:
        path = self.directory / name
        return path.read_bytes() if path.exists() else default

    def save(self, name: str, data: bytes) -> None:
        """Replace a file as a whole: a kill leaves the old one or the new one."""
        temporary = self.directory / f"{name}.tmp"
        write_file(temporary, data)
        os.replace(temporary, self.directory / name)

    def fold(self, record: Record) -> None:
        """Let one record change the outbox; marks of operations never put are ignored."""
        if record.type is RecordType.PUT:
            self.outbox[record.id] = Entry()
            return
        self.in_flight.pop(record.id, None)
        entry = self.outbox.get(record.id)
        if entry is None:
            return
        if record.type is RecordType.DONE:
            entry.status, entry.error, entry.next_retry_at_ms = "done", "", 0
            return
        entry.attempts += 1
        is_last = entry.attempts >= (self.contract.max_attempts or MAX_ATTEMPTS)
        entry.status = "permanent_failed" if is_last else "failed"
        entry.error = record.error
        entry.next_retry_at_ms = record.next_retry_at_ms

    def requeue(self, now_ms: int) -> None:
        """Give up on what was sent so long ago that no answer will come."""
        for name, sent_at_ms in list(self.in_flight.items()):
            if now_ms - sent_at_ms >= IN_FLIGHT_TIMEOUT_MS:
                del self.in_flight[name]

    def due(self, now_ms: int) -> list[str]:
        waiting = (item for item in self.outbox.items() if item[0] not in self.in_flight)
        return [name for name, entry in waiting if entry.is_due(now_ms)]

    def shown(self, name: str, entry: Entry) -> OperationState:
        is_sent = entry.status == "pending" and name in self.in_flight
        status = OperationStatus("in_flight" if is_sent else entry.status)
        return OperationState(status, entry.error, entry.next_retry_at_ms)


class BufferedLog(PlainLog):
    """Keeps appends in the memory of the process until they are flushed."""

    def open_log(self) -> None:
        super().open_log()
        raw = io.FileIO(self.log, "ab", closefd=False)
        self.buffer = io.BufferedWriter(raw, BUFFER_BYTES)

    def write(self, record: Record, frame: bytes) -> None:
        self.buffer.write(frame)

    def flush(self) -> None:
        self.buffer.flush()


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, however much of it each call takes."""
    while data:
        data = data[os.write(fd, data) :]


def write_file(path: Path, data: bytes) -> None:
    """Make `path` a file that holds `data`, step by step: this alone is not atomic."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    write_all(fd, data)
    os.close(fd)
