"""How an engine's adapter stores one record as bytes.

There is no checksum on purpose: what an engine hands back altered has to show as altered, and
not as an adapter that noticed.
"""

import struct
from typing import Final

from walcrash.values.record import Record, RecordType

_HEAD: Final = struct.Struct("<BqqII")
_TYPES: Final = (RecordType.PUT, RecordType.DONE, RecordType.FAILED)


class NotARecord(Exception):
    """A store gave back bytes that no record was stored as."""


def encode(record: Record) -> bytes:
    """Return a record as bytes."""
    name = record.id.encode("utf-8", "surrogatepass")
    error = record.error.encode("utf-8", "surrogatepass")
    head = _HEAD.pack(
        _TYPES.index(record.type), record.ts_ms, record.next_retry_at_ms, len(name), len(error)
    )
    return head + name + error + record.payload


def decode(data: bytes) -> Record:
    """Read a record.

    Raises:
        NotARecord: the bytes are none.
    """
    try:
        kind, ts_ms, next_retry_at_ms, name_bytes, error_bytes = _HEAD.unpack_from(data)
        name_end = _HEAD.size + name_bytes
        error_end = name_end + error_bytes
        if error_end > len(data):
            raise NotARecord(f"a value of {len(data)} bytes ends within its record: {data[:40]!r}")
        return Record(
            _TYPES[kind],
            data[_HEAD.size : name_end].decode("utf-8", "surrogatepass"),
            ts_ms,
            payload=data[error_end:],
            error=data[name_end:error_end].decode("utf-8", "surrogatepass"),
            next_retry_at_ms=next_retry_at_ms,
        )
    except (struct.error, UnicodeDecodeError, IndexError) as problem:
        raise NotARecord(f"a value that is no record: {data[:40]!r}: {problem}") from None
