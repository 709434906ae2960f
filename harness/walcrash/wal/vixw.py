"""The bytes of a Vix.cpp sync WAL: records behind each other, `VIXW` version 1.

A record is a header of 36 bytes, then its id, its payload, its error. All numbers are
little-endian. There is no header of the file, no checksum and no length behind a record: a
record is found only by walking from the one before it.

`encode_record` gives what the original's writer hands to the system, `VixwReader` what its
reader makes of a file. That reader stops without a word at the first bytes that are no record,
so that a torn tail, damage in the middle and the end of the file are alike to it. It checks
neither the type nor the reserved byte.

Not here: what a file that survived an incident is worth (`tools.verify.vixw`); the file's
checkpoint, which this format leaves to the application.

Source: `harness/walcrash/docs/reference/vixw-format.md` has the format as a table; the behaviour of
the WAL of github.com/vixcpp/vix, and of libstdc++'s output files as strace shows them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from walcrash.values.record import Record, RecordType
from walcrash.wal.chunks import ChunkedFile
from walcrash.wal.errors import ValueRefused
from walcrash.wal.layout import BadBytes, require_time

VERSION: Final = 1
MAGIC: Final = 0x56495857

_HEADER: Final = Struct("<IHBBqIIIq")
_START: Final = Struct("<IH")

HEADER_BYTES: Final = _HEADER.size
"""Length of a record's header."""

START: Final = _START.pack(MAGIC, VERSION)
"""The first bytes of every record: magic and version."""

CODES: Final = {RecordType.PUT: 1, RecordType.DONE: 2, RecordType.FAILED: 3}
TYPES: Final = {code: kind for kind, code in CODES.items()}

# limits

FIELD_BYTES_MAX: Final = (1 << 32) - 1
"""Longest id, payload or error that the format holds."""

STREAM_BUFFER_BYTES: Final = 8191
"""What libstdc++ collects of a file's output before it writes."""

DIRECT_BYTES: Final = 1024
"""A piece of at least so many bytes is written from where it is, behind what was collected."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one record, at its offset; the body is the id, the payload, the error.

    Attributes:
        offset: where it starts.
        type_code: 1 PutOperation, 2 MarkDone, 3 MarkFailed; nobody checks it.
        reserved: 0, if nothing has changed it.
        ts_ms: the record's time.
        id_bytes: length of the id.
        payload_bytes: length of the payload.
        error_bytes: length of the error text.
        next_retry_at_ms: the record's time of the next retry.
    """

    offset: int
    type_code: int
    reserved: int
    ts_ms: int
    id_bytes: int
    payload_bytes: int
    error_bytes: int
    next_retry_at_ms: int

    @property
    def payload_at(self) -> int:
        """The offset of the payload."""
        return self.offset + HEADER_BYTES + self.id_bytes

    @property
    def error_at(self) -> int:
        """The offset of the error text."""
        return self.payload_at + self.payload_bytes

    @property
    def end(self) -> int:
        """The offset behind the record."""
        return self.error_at + self.error_bytes


def encode_record(record: Record) -> tuple[bytes, ...]:
    """Return the record's header, id, payload and error, which lie behind each other.

    Raises:
        ValueRefused: a field does not fit.
    """
    record_id = encode_text(record.id)
    error = encode_text(record.error)
    require_time("ts_ms", record.ts_ms)
    require_time("next_retry_at_ms", record.next_retry_at_ms)
    for name, data in (("id", record_id), ("payload", record.payload), ("error", error)):
        if len(data) > FIELD_BYTES_MAX:
            raise ValueRefused(
                f"`{name}` of a record has at most {FIELD_BYTES_MAX} bytes; found {len(data)}"
            )
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        CODES[record.type],
        0,
        record.ts_ms,
        len(record_id),
        len(record.payload),
        len(error),
        record.next_retry_at_ms,
    )
    return header, record_id, record.payload, error


def system_calls(pieces: tuple[bytes, ...]) -> Iterator[list[bytes]]:
    """Yield the buffers of each call in which libstdc++ writes and flushes these pieces."""
    collected = b""
    for piece in pieces:
        if len(piece) >= min(DIRECT_BYTES, STREAM_BUFFER_BYTES - len(collected)):
            yield [collected, piece]
            collected = b""
        else:
            collected += piece
    if collected:
        yield [collected]


def decode_header(data: bytes, *, offset: int) -> Header:
    """Read a record's header, found at that offset, as strictly as the original: hardly.

    Raises:
        BadBytes: it is none.
    """
    if len(data) < HEADER_BYTES:
        raise BadBytes(f"{len(data)} bytes are left, a record's header has {HEADER_BYTES}")
    magic, version, code, reserved, ts_ms, ids, payload, error, retry = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise BadBytes(f"a record starts with {START[:4]!r}; found {data[:4]!r}")
    if version != VERSION:
        raise BadBytes(f"the record has format version {version}, this reader knows {VERSION}")
    return Header(offset, code, reserved, ts_ms, ids, payload, error, retry)


def encode_text(text: str) -> bytes:
    """Return the bytes of an id or an error; the format does not say how they are encoded."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(data: bytes) -> str:
    """Return the text of bytes, which need not be UTF-8."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


class VixwReader:
    """Reads records of one open log file as the original does, front to back."""

    __slots__ = ("_reserve", "file")

    def __init__(self, fd: int, *, reserve: Callable[[int], object] | None = None) -> None:
        """Make a reader.

        Args:
            fd: the file, open to read.
            reserve: called with the length of each field before it is known whether the file
                has as many bytes.
        """
        self.file = ChunkedFile(fd)
        self._reserve = reserve

    def header_at(self, offset: int) -> Header:
        """Return the header of the record at that offset, whose body may be short.

        Raises:
            BadBytes: there is none.
        """
        return decode_header(self.file.read(offset, HEADER_BYTES), offset=offset)

    def records(self, from_offset: int) -> Iterator[tuple[Header, Record | None]]:
        """Yield (header, record) up to the first bytes that are no whole record.

        The record is None where its type is none of the three.
        """
        offset = from_offset
        while True:
            try:
                header = self.header_at(offset)
            except BadBytes:
                return
            if self._reserve is not None:
                for length_bytes in (header.id_bytes, header.payload_bytes, header.error_bytes):
                    self._reserve(length_bytes)
            if header.end > self.file.size_bytes:
                return
            yield header, self._record(header)
            offset = header.end

    def _record(self, header: Header) -> Record | None:
        kind = TYPES.get(header.type_code)
        if kind is None:
            return None
        id_at = header.offset + HEADER_BYTES
        return Record(
            type=kind,
            id=decode_text(self.file.read(id_at, header.id_bytes)),
            ts_ms=header.ts_ms,
            payload=self.file.read(header.payload_at, header.payload_bytes),
            error=decode_text(self.file.read(header.error_at, header.error_bytes)),
            next_retry_at_ms=header.next_retry_at_ms,
        )


def replay(fd: int, from_offset: int, on_record: Callable[[Record], None]) -> int:
    """Hand every record from an offset on to `on_record`, as the original's `replay` does.

    Returns:
        The offset at which the last record starts, which is not where the next one will; -1 if
        there was none.
    """
    last = -1
    for header, record in VixwReader(fd).records(from_offset):
        last = header.offset
        if record is not None:
            on_record(record)
    return last
