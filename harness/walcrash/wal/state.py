"""The outbox state: every operation as it was at one offset, in a file of its own.

The file says which offset it reflects. After a crash between it and the checkpoint it may be
ahead of the checkpoint; the records between the two are then read and not counted again, since
counting attempts twice would give an operation up too early.

Not here: what an entry means (`outbox`).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is an exception class

from walcrash.values.record import RecordType
from walcrash.wal.chunks import CHUNK_BYTES, ChunkedFile
from walcrash.wal.directory import STATE_NAME, Directory, write_all
from walcrash.wal.errors import DamagedFile, UnsupportedVersion
from walcrash.wal.layout import TIME_MS_MIN, checksum, extend_checksum
from walcrash.wal.outbox import OutboxEntry

VERSION = 1

_MAGIC = b"\xf7WCBOX\r\n"
_FIELDS = Struct("<8sIQqQ")
_CHECKSUM = Struct("<I")
_ENTRY = Struct("<IQIBBIqqqQ")
_CODES = {RecordType.PUT: 1, RecordType.DONE: 2, RecordType.FAILED: 3}
_TYPES = {code: kind for kind, code in _CODES.items()}


@dataclass(frozen=True, slots=True)
class SavedState:
    """What the state file holds.

    Attributes:
        applied_offset: all records below it are in the entries.
        latest_ms: the latest time among those records.
        entries: the operations, in put order.
    """

    applied_offset: int = 0
    latest_ms: int = TIME_MS_MIN
    entries: tuple[OutboxEntry, ...] = ()


def save_state(directory: Directory, state: SavedState) -> None:
    """Replace the state; the log must already be durable up to its offset.

    Raises:
        ReplaceFailed: the old state stands.
        SyncFailed: the new one is in place, but perhaps not after a power loss.
    """
    data = encode_state(state)
    os.close(directory.replace(STATE_NAME, lambda fd: write_all(fd, data, 0)))


def load_state(directory: Directory) -> SavedState:
    """Return the saved state; an empty one at offset 0 if there is none.

    Raises:
        UnsupportedVersion: a later version wrote it.
        DamagedFile: it does not hold what was written.
    """
    data = directory.read_file(STATE_NAME)
    return SavedState() if data is None else decode_state(data, path=directory.name(STATE_NAME))


def encode_state(state: SavedState) -> bytes:
    """Return the file's bytes; the same state gives the same bytes."""
    head = _FIELDS.pack(_MAGIC, VERSION, state.applied_offset, state.latest_ms, len(state.entries))
    content = b"".join((head, *_encoded(state.entries)))
    return content + _CHECKSUM.pack(checksum(content))


def decode_state(data: bytes, *, path: str) -> SavedState:
    """Read the file's bytes.

    Raises:
        UnsupportedVersion: a later version wrote them.
        DamagedFile: they are not what was written.
    """
    content, trailer = data[: -_CHECKSUM.size], data[-_CHECKSUM.size :]
    damaged = DamagedFile(
        f"read {path}: it is no outbox state, {len(data)} bytes",
        hint="restore it from a copy; nothing was changed",
    )
    if len(content) < _FIELDS.size or not content.startswith(_MAGIC):
        raise damaged
    _, version, applied, latest_ms, count = _FIELDS.unpack_from(content)
    if version != VERSION:
        raise UnsupportedVersion(
            f"read {path}: it has format version {version}, this reader knows {VERSION}",
            hint="open it with the version of walcrash that wrote it",
        )
    if trailer != _CHECKSUM.pack(checksum(content)):
        raise damaged
    try:
        return SavedState(applied, latest_ms, _entries(content, count))
    except (StructError, KeyError, UnicodeDecodeError):
        raise damaged from None


def survey_state(file: ChunkedFile, *, path: str) -> int:
    """Return the offset that a state file reflects, without reading its operations.

    Raises:
        UnsupportedVersion: a later version wrote it.
        DamagedFile: it does not hold what was written.
    """
    head = file.read(0, _FIELDS.size)
    if len(head) == _FIELDS.size and _FIELDS.unpack(head)[1] != VERSION:
        decode_state(head + bytes(_CHECKSUM.size), path=path)
    content_bytes = file.size_bytes - _CHECKSUM.size
    value = 0
    position = 0
    while position < content_bytes:
        data = file.read(position, min(CHUNK_BYTES, content_bytes - position))
        value = extend_checksum(value, data)
        position += max(1, len(data))
    is_whole = content_bytes >= _FIELDS.size and head.startswith(_MAGIC)
    if not is_whole or file.read(content_bytes, _CHECKSUM.size) != _CHECKSUM.pack(value):
        raise DamagedFile(
            f"read {path}: it is no outbox state, {file.size_bytes} bytes",
            hint="restore it from a copy; nothing was changed",
        )
    return int(_FIELDS.unpack(head)[2])


def _encoded(entries: Iterable[OutboxEntry]) -> Iterable[bytes]:
    for entry in entries:
        record_id = entry.id.encode("utf-8", "surrogatepass")
        error = entry.error.encode("utf-8", "surrogatepass")
        since_ms = entry.in_flight_since_ms
        yield _ENTRY.pack(
            len(record_id),
            len(entry.payload),
            len(error),
            _CODES[entry.last],
            since_ms is not None,
            entry.attempts,
            entry.ts_ms,
            entry.next_retry_at_ms,
            since_ms or 0,
            entry.last_offset,
        )
        yield record_id
        yield entry.payload
        yield error


def _entries(content: bytes, count: int) -> tuple[OutboxEntry, ...]:
    entries = []
    position = _FIELDS.size
    for _ in range(count):
        entry, position = _entry(content, position)
        entries.append(entry)
    return tuple(entries)


def _entry(content: bytes, position: int) -> tuple[OutboxEntry, int]:
    """Return the entry at a position, and the position behind it."""
    fields = _ENTRY.unpack_from(content, position)
    ids, payload, error, code, is_in_flight, attempts, ts_ms, retry_ms, since_ms, last = fields
    payload_at = position + _ENTRY.size + ids
    error_at = payload_at + payload
    end = error_at + error
    entry = OutboxEntry(
        id=content[payload_at - ids : payload_at].decode("utf-8", "surrogatepass"),
        payload=content[payload_at:error_at],
        ts_ms=ts_ms,
        last=_TYPES[code],
        last_offset=last,
        attempts=attempts,
        error=content[error_at:end].decode("utf-8", "surrogatepass"),
        next_retry_at_ms=retry_ms,
        in_flight_since_ms=since_ms if is_in_flight else None,
    )
    return entry, end
