"""Reading a log file: one valid record after the other, and what the first bad one means.

A bad record at p is a torn tail, the work of a crash, unless something proves that p was once
durable: the file's own header, the state or checkpoint (`floor`), or any record header behind p
whose `synced_offset` lies beyond p. Then it is damage, and nothing may be truncated.

The search for such a header is one pass with `bytes.find`, never more than one checksum of 64
bytes for each marker found, and holds one chunk in memory at a time.

Not here: truncating the tail (`log`).
"""

import contextlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from walcrash.wal.chunks import ChunkedFile
from walcrash.wal.errors import DamagedLog
from walcrash.wal.layout import (
    LOG_HEADER_BYTES,
    MARKER,
    RECORD_HEADER_BYTES,
    BadBytes,
    Frame,
    LogHeader,
    check_body,
    decode_frame,
)

Take = Callable[[LogHeader, Frame, bytes], object]
"""What is handed the records of a log: with the file's header, each record's header and body."""


@dataclass(frozen=True, slots=True)
class TornTail:
    """Bytes behind the last whole record that a crash left, and recovery truncated.

    Attributes:
        offset: where they started.
        length_bytes: how many there were.
        problem: why they are no record.
    """

    offset: int
    length_bytes: int
    problem: str


@dataclass(slots=True)
class Survey:
    """What a pass over the whole log found.

    Attributes:
        offsets: where each record starts, in order.
        end_offset: behind the last record.
        checksum: of the last record, or of the file's header.
        proven_offset: everything below it is known to have been durable.
        torn: what lies behind the last record; None if nothing does.
    """

    end_offset: int
    checksum: int
    proven_offset: int
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    torn: TornTail | None = None


class LogReader:
    """Reads records of one open log file, front to back, a chunk at a time.

    Attributes:
        header: what the file says of itself.
        limit: the offset behind the file's last byte, whole record or not.
        path: the file, for messages.
    """

    __slots__ = ("_file", "header", "limit", "path")

    def __init__(self, fd: int, header: LogHeader, *, path: str) -> None:
        self._file = ChunkedFile(fd)
        self.header = header
        self.path = path
        self.limit = header.base_offset + max(0, self._file.size_bytes - LOG_HEADER_BYTES)

    def read_record(self, offset: int, *, previous: int | None) -> tuple[Frame, bytes]:
        """Return the header and body of the record at that offset.

        Args:
            offset: where it starts.
            previous: the checksum of the record before; None if it is not known.

        Raises:
            BadBytes: there is no valid record.
        """
        position = self.position(offset)
        data = self._file.read(position, RECORD_HEADER_BYTES)
        frame = decode_frame(data, base=self.header.base_offset, offset=offset)
        if previous is not None and frame.previous != previous:
            raise BadBytes("the record does not follow the one before it")
        body_bytes = frame.body_bytes
        if offset + RECORD_HEADER_BYTES + body_bytes > self.limit:
            raise BadBytes(f"the record ends at {frame.end}, the file at {self.limit}")
        body = self._file.read(position + RECORD_HEADER_BYTES, body_bytes)
        check_body(frame, body)
        return frame, body

    def find_frames(self, from_offset: int) -> Iterator[Frame]:
        """Yield every valid record header at or behind an offset, whatever surrounds it."""
        for position in self._file.find(MARKER, self.position(from_offset)):
            offset = position - self.position(0)
            data = self._file.read(position, RECORD_HEADER_BYTES)
            with contextlib.suppress(BadBytes):
                yield decode_frame(data, base=self.header.base_offset, offset=offset)

    def position(self, offset: int) -> int:
        """Return where in the file an offset is."""
        return offset - self.header.base_offset + LOG_HEADER_BYTES


def survey(reader: LogReader, *, floor: int, take: Take | None = None) -> Survey:
    """Read the whole log and find its end.

    Args:
        reader: the log.
        floor: the offset up to which the state or the checkpoint proves the log durable.
        take: is handed each record on the way, also before damage behind it is found.

    Raises:
        DamagedLog: a record that was durable is not valid.
    """
    header = reader.header
    found = Survey(
        end_offset=header.base_offset,
        checksum=header.checksum,
        proven_offset=max(floor, header.sealed_offset),
    )
    problem = ""
    while not problem and found.end_offset < reader.limit:
        try:
            frame, body = reader.read_record(found.end_offset, previous=found.checksum)
        except BadBytes as bad:
            problem = str(bad)
        else:
            found.offsets.append(frame.offset)
            found.end_offset = frame.end
            found.checksum = frame.checksum
            found.proven_offset = max(found.proven_offset, frame.synced_offset)
            if take is not None:
                take(header, frame, body)
    _refuse_damage(reader, found, problem or "the log ends there")
    if problem:
        length_bytes = reader.limit - found.end_offset
        found.torn = TornTail(found.end_offset, length_bytes, problem)
    return found


def _refuse_damage(reader: LogReader, found: Survey, problem: str) -> None:
    """Raise if anything proves that the log was durable beyond the end that was found."""
    proof, next_good = read_behind(reader, found.end_offset, found.proven_offset)
    if proof > found.end_offset:
        raise damage(reader.path, found.end_offset, problem, next_good, proof)


def read_behind(reader: LogReader, end: int, proof: int) -> tuple[int, int | None]:
    """Search behind a bad record for what proves that it was durable.

    Args:
        reader: the log.
        end: the offset of the bad record.
        proof: everything below it is known to have been durable.

    Returns:
        The same with what was found, and the next whole record; where nothing is proven, the
        bad record is a torn tail and the next record none that counts.
    """
    next_good: int | None = None
    for frame in reader.find_frames(end + 1):
        proof = max(proof, frame.synced_offset)
        if next_good is None and _is_whole(reader, frame):
            next_good = frame.offset
        if proof > end and next_good is not None:
            break
    return proof, next_good


def damage(path: str, offset: int, problem: str, next_good: int | None, proof: int) -> DamagedLog:
    """Return the error for a record that was durable and is not valid."""
    after = "no valid record follows" if next_good is None else f"the next is at {next_good}"
    return DamagedLog(
        f"read {path}: no valid record at offset {offset}: {problem}; {after}. This is damage "
        f"and not a torn tail, since the log was durable up to {proof}",
        hint="restore the file from a copy; nothing was changed",
        offset=offset,
        next_good_offset=next_good,
    )


def _is_whole(reader: LogReader, frame: Frame) -> bool:
    try:
        reader.read_record(frame.offset, previous=None)
    except BadBytes:
        return False
    return True
