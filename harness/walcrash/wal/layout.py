"""The bytes of the log: its header and its records, version 1.

A record's header has a checksum of its own, and the body's checksum is a part of the header.
So the header alone proves that a record was appended at its offset, whatever happened to its
body, and damage can be distinguished from a torn tail in one pass over the bytes behind it.

A checksum is salted with the log's base offset and the record's offset, and holds the checksum
of the record before: bytes at another place, of another log file, or of a record that an
earlier recovery truncated are never taken for a record.

Not here: where records are searched and what a bad one means (`reader`).

Source: `harness/walcrash/docs/reference/log-format.md` has this layout as tables; CRC32C is RFC
3720, B.4.
"""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, Self

import google_crc32c

from walcrash.values.record import Record, RecordType
from walcrash.wal.errors import DamagedLog, UnsupportedVersion, ValueRefused

# limits

ID_BYTES_MAX = 64 * 1024
"""Longest id, encoded."""

PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
"""Longest payload."""

ERROR_BYTES_MAX = 1024 * 1024
"""Longest error text, encoded."""

TIME_MS_MIN = -(1 << 63)
"""Earliest time, milliseconds since the epoch."""

TIME_MS_MAX = (1 << 63) - 1
"""Latest time, milliseconds since the epoch."""

# the layout

VERSION = 1
MARKER = b"\xf7REC"
"""Starts every record; its first byte is in no UTF-8 text."""

LOG_MAGIC = b"\xf7WCLOG\r\n"
_LOG_HEADER = Struct("<8sIQQQ")
_CHECKSUM = Struct("<I")
_RECORD_START = Struct("<4sI")
_RECORD_REST = Struct("<IIQqqIIII")
_SALT = Struct("<QQ")

LOG_HEADER_BYTES = _LOG_HEADER.size + _CHECKSUM.size
RECORD_HEADER_BYTES = _RECORD_START.size + _RECORD_REST.size

_CODES = {RecordType.PUT: 1, RecordType.DONE: 2, RecordType.FAILED: 3}
_TYPES = {code: kind for kind, code in _CODES.items()}


class BadBytes(ValueError):
    """These bytes are no valid record; the message says why. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class LogHeader:
    """What the log file says of itself.

    Attributes:
        base_offset: the offset of the first record.
        compacted_below: records of operations done below this offset have been dropped.
        sealed_offset: everything below it was durable before the file got its name.
    """

    base_offset: int = 0
    compacted_below: int = 0
    sealed_offset: int = 0

    def encode(self) -> bytes:
        """Return the file's first `LOG_HEADER_BYTES` bytes."""
        fields = _LOG_HEADER.pack(
            LOG_MAGIC, VERSION, self.base_offset, self.compacted_below, self.sealed_offset
        )
        return fields + _CHECKSUM.pack(checksum(fields))

    @property
    def checksum(self) -> int:
        """What the first record holds in place of the checksum of the record before."""
        return _unpack_checksum(self.encode())

    @classmethod
    def decode(cls, data: bytes, *, path: str) -> Self:
        """Read a header.

        Raises:
            UnsupportedVersion: the file has a version that this reader does not know.
            DamagedLog: these bytes are no header.
        """
        if len(data) < LOG_HEADER_BYTES or not data.startswith(LOG_MAGIC):
            raise DamagedLog(
                f"read {path}: no log starts with {data[:8]!r}, {len(data)} bytes in all",
                hint="restore the file from a copy; nothing was changed",
            )
        fields = data[: _LOG_HEADER.size]
        _, version, base, compacted, sealed = _LOG_HEADER.unpack(fields)
        if version != VERSION:
            raise UnsupportedVersion(
                f"read {path}: it has format version {version}, this reader knows {VERSION}",
                hint="open it with the version of walcrash that wrote it",
            )
        if _unpack_checksum(data) != checksum(fields):
            raise DamagedLog(
                f"read {path}: the checksum of the file's header is wrong",
                hint="restore the file from a copy; nothing was changed",
            )
        return cls(base, compacted, sealed)


class Frame(NamedTuple):
    """The header of one record, at its offset; the body is the id, the payload, the error.

    Attributes:
        offset: where it starts.
        checksum: its own checksum, which the next record holds.
        body_checksum: the checksum of the body.
        previous: the checksum of the record before.
        synced_offset: what the writer knew to be durable when it appended this.
        ts_ms: the record's time.
        next_retry_at_ms: the record's time of the next retry.
        type_code: 1 PutOperation, 2 MarkDone, 3 MarkFailed.
        id_bytes: length of the id, encoded.
        payload_bytes: length of the payload.
        error_bytes: length of the error text, encoded.
    """

    offset: int
    checksum: int
    body_checksum: int
    previous: int
    synced_offset: int
    ts_ms: int
    next_retry_at_ms: int
    type_code: int
    id_bytes: int
    payload_bytes: int
    error_bytes: int

    @property
    def body_bytes(self) -> int:
        """How long the body is."""
        return self.id_bytes + self.payload_bytes + self.error_bytes

    @property
    def end(self) -> int:
        """The offset behind the record."""
        return self.offset + RECORD_HEADER_BYTES + self.body_bytes


def encode_record(
    record: Record, *, base: int, offset: int, previous: int, synced_offset: int
) -> tuple[bytes, int]:
    """Return the record's bytes at that offset, and its checksum.

    Raises:
        ValueRefused: a field does not fit.
    """
    record_id = record.id.encode("utf-8", "surrogatepass")
    error = record.error.encode("utf-8", "surrogatepass")
    _require("id", len(record_id), 0, ID_BYTES_MAX)
    _require("payload", len(record.payload), 0, PAYLOAD_BYTES_MAX)
    _require("error", len(error), 0, ERROR_BYTES_MAX)
    require_time("ts_ms", record.ts_ms)
    require_time("next_retry_at_ms", record.next_retry_at_ms)
    body = b"".join((record_id, record.payload, error))
    rest = _RECORD_REST.pack(
        checksum(body),
        previous,
        synced_offset,
        record.ts_ms,
        record.next_retry_at_ms,
        _CODES[record.type],
        len(record_id),
        len(record.payload),
        len(error),
    )
    own = _salted(rest, base=base, offset=offset)
    return b"".join((_RECORD_START.pack(MARKER, own), rest, body)), own


def decode_frame(data: bytes, *, base: int, offset: int) -> Frame:
    """Read a record's header, found at that offset.

    Raises:
        BadBytes: it is none.
    """
    if len(data) < RECORD_HEADER_BYTES:
        raise BadBytes(f"{len(data)} bytes are left, a record's header has {RECORD_HEADER_BYTES}")
    marker, own = _RECORD_START.unpack_from(data)
    if marker != MARKER:
        raise BadBytes(f"a record starts with {MARKER!r}; found {marker!r}")
    rest = data[_RECORD_START.size : RECORD_HEADER_BYTES]
    if google_crc32c.value(_SALT.pack(base, offset) + rest) != own:
        raise BadBytes("the checksum of the record's header is wrong")
    return Frame._make((offset, own, *_RECORD_REST.unpack(rest)))


def check_body(frame: Frame, body: bytes) -> None:
    """Compare a record's body with the checksum in its header.

    Raises:
        BadBytes: it is too short or was changed.
    """
    if len(body) < frame.body_bytes:
        raise BadBytes(f"{len(body)} bytes are left, the record's body has {frame.body_bytes}")
    if google_crc32c.value(body) != frame.body_checksum:
        raise BadBytes("the checksum of the record's body is wrong")
    if frame.type_code not in _TYPES:
        raise BadBytes(f"record type {frame.type_code} is unknown")


def decode_record(frame: Frame, body: bytes) -> Record:
    """Return the record, whose body was checked."""
    payload_at = frame.id_bytes
    error_at = payload_at + frame.payload_bytes
    return Record(
        _TYPES[frame.type_code],
        body[:payload_at].decode("utf-8", "surrogatepass"),
        frame.ts_ms,
        body[payload_at:error_at],
        body[error_at:].decode("utf-8", "surrogatepass"),
        frame.next_retry_at_ms,
    )


def checksum(data: bytes) -> int:
    """Return the CRC32C of the bytes."""
    return int(google_crc32c.value(data))


def extend_checksum(before: int, data: bytes) -> int:
    """Return the CRC32C of bytes with the CRC32C `before`, 0 for none, and these behind them."""
    return int(google_crc32c.extend(before, data))


def require_time(name: str, value_ms: int) -> None:
    """Refuse a time that does not fit.

    Raises:
        ValueRefused: it does not fit into signed 64 bits.
    """
    _require(name, value_ms, TIME_MS_MIN, TIME_MS_MAX)


def _require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueRefused(f"`{name}` of a record is {low} to {high}; found {value}")


def _salted(data: bytes, *, base: int, offset: int) -> int:
    return checksum(_SALT.pack(base, offset) + data)


def _unpack_checksum(data: bytes) -> int:
    (value,) = _CHECKSUM.unpack_from(data, _LOG_HEADER.size)
    return int(value)
