"""Walking a Vix.cpp log more strictly than its own reader, and over what is no record.

The header has no checksum, so a record is taken for one if its header is plausible (magic,
version, one of the three types, the reserved byte 0) and the next record starts where it ends.
Where none does, its body is searched first: a torn record takes the bytes of the records that
were appended behind it for its own. Then the search goes on behind it.

What lies behind the last record is a torn tail if a torn write of this writer can leave it: the
beginning of a record, zeros, or one and then the other.

Every byte is read a bounded number of times, and one chunk is held in memory.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from walcrash.tools.verify.operations import ERROR_CHARACTERS, FoundRecord
from walcrash.values.verified import Flaw, FlawKind, LogRow
from walcrash.wal.chunks import CHUNK_BYTES, ChunkedFile
from walcrash.wal.layout import BadBytes
from walcrash.wal.vixw import HEADER_BYTES, START, TYPES, Header, VixwReader, decode_text

# limits
ID_BYTES_SHOWN: Final = 256
"""How much of an id is kept; a longer one differs from others by its digest."""

ZEROS_BYTES: Final = 512
"""So many zeros in a row may be a sector that never reached the disk."""

AROUND_BYTES: Final = 96
"""How many bytes around a flaw are kept."""

_LINE_BYTES: Final = 16

BLIND_SPOTS: Final = (
    "There is no checksum: a flipped bit in an id, a payload, an error or a time cannot be seen.",
    "A payload, or a part of one, that came back as zeros passes for what was put.",
    "Stale bytes that happen to be whole records, and a log that ends early at the end of a "
    "record, cannot be distinguished from what was written.",
    "Nothing was ever synced: how much was lost behind the last record cannot be known.",
)


def walk_vixw(reader: VixwReader) -> Iterator[FoundRecord | Flaw]:
    """Yield records and what lies between them, from the start of the file to its end."""
    size = reader.file.size_bytes
    offset = 0
    number = 0
    waiting: Header | None = None
    while offset < size:
        try:
            header = _whole_header(reader, offset)
        except BadBytes as bad:
            resumed, flaw = _gap(reader, waiting, offset, str(bad))
            is_swallowed = flaw.offset != offset
            if waiting is not None and not is_swallowed:
                number += 1
                yield from _record(reader.file, waiting, number)
            yield flaw
            waiting = None
            offset = resumed
        else:
            if waiting is not None:
                number += 1
                yield from _record(reader.file, waiting, number)
            waiting = header
            offset = header.end
    if waiting is not None:
        yield from _record(reader.file, waiting, number + 1)


def around(file: ChunkedFile, position: int) -> tuple[int, bytes]:
    """Return where the bytes around a position start, and the bytes."""
    start = max(0, position // _LINE_BYTES - 1) * _LINE_BYTES
    return start, file.read(start, min(AROUND_BYTES, file.size_bytes - start))


def id_key(record_id: bytes) -> bytes:
    """Return what stands for an id: itself, or the digest of a long one."""
    if len(record_id) <= ID_BYTES_SHOWN:
        return b"=" + record_id
    return b"#" + blake2b(record_id, digest_size=32).digest()


def _plausible_header(reader: VixwReader, offset: int) -> Header:
    header = reader.header_at(offset)
    if header.type_code not in TYPES:
        raise BadBytes(f"record type {header.type_code} is unknown")
    if header.reserved != 0:
        raise BadBytes(f"the reserved byte is {header.reserved}, the writer writes 0")
    return header


def _whole_header(reader: VixwReader, offset: int) -> Header:
    header = _plausible_header(reader, offset)
    if header.end > reader.file.size_bytes:
        raise BadBytes(f"the record ends at {header.end}, the file at {reader.file.size_bytes}")
    return header


def _gap(reader: VixwReader, waiting: Header | None, offset: int, problem: str) -> tuple[int, Flaw]:
    """Return where reading can go on, and what lies before that place."""
    if waiting is not None:
        inside = _next_header(reader, waiting.offset + 1, offset)
        if inside is not None:
            return inside, _swallowed(reader.file, waiting, offset, inside)
    following = _next_header(reader, offset + 1, None)
    if following is None:
        return reader.file.size_bytes, _tail(reader, offset, problem)
    return following, _damage(reader.file, offset, problem, following)


def _next_header(reader: VixwReader, start: int, stop: int | None) -> int | None:
    for position in reader.file.find(START, start, stop):
        try:
            return _plausible_header(reader, position).offset
        except BadBytes:
            continue
    return None


def _swallowed(file: ChunkedFile, torn: Header, offset: int, inside: int) -> Flaw:
    position, data = around(file, inside)
    return Flaw(
        kind=FlawKind.DAMAGE,
        is_damage=True,
        message=(
            f"the record at {torn.offset} was torn, and what was appended behind it lies in its "
            f"body: it should end at {torn.end}, where no record starts, and a plausible record "
            f"starts within it at {inside}. Replay shows it with bytes that were never put, and "
            f"stops at {offset}"
        ),
        offset=torn.offset,
        length_bytes=inside - torn.offset,
        next_offset=inside,
        position=position,
        data=data,
        at=inside,
    )


def _damage(file: ChunkedFile, offset: int, problem: str, following: int) -> Flaw:
    position, data = around(file, offset)
    length = following - offset
    what = "zeros" if _is_zero(file, offset, following) else "bytes"
    return Flaw(
        kind=FlawKind.DAMAGE,
        is_damage=True,
        message=(
            f"no record at {offset}: {problem}; {length:,} {what} on, a plausible record starts "
            f"at {following}. Replay may stop at {offset}, and never show what lies behind"
        ),
        offset=offset,
        length_bytes=length,
        next_offset=following,
        position=position,
        data=data,
        at=offset,
    )


def _tail(reader: VixwReader, offset: int, problem: str) -> Flaw:
    position, data = around(reader.file, offset)
    is_torn = _is_torn(reader, offset)
    if is_torn:
        message = (
            f"the file ends in a torn record at {offset}: {problem}. {_replayed(reader, offset)}, "
            f"but the writer appends behind it: truncate the file to {offset} before it does"
        )
    else:
        message = (
            f"no record at {offset}: {problem}; no plausible record follows, and no torn write of "
            f"this writer leaves such bytes"
        )
    return Flaw(
        kind=FlawKind.TORN_TAIL if is_torn else FlawKind.DAMAGE,
        is_damage=not is_torn,
        message=message,
        offset=offset,
        length_bytes=reader.file.size_bytes - offset,
        position=position,
        data=data,
        at=offset,
    )


def _replayed(reader: VixwReader, offset: int) -> str:
    """Return what the original's replay makes of a torn record, whose type it does not check."""
    try:
        header = reader.header_at(offset)
    except BadBytes:
        return "Replay is right to stop there"
    if header.end > reader.file.size_bytes:
        return "Replay is right to stop there"
    return (
        f"Replay passes over it as a record of type {header.type_code}, which is none, and reads "
        f"on at {header.end}"
    )


def _is_torn(reader: VixwReader, offset: int) -> bool:
    """Whether the bytes up to the end are the beginning of a record, zeros, or both."""
    size = reader.file.size_bytes
    head = reader.file.read(offset, min(HEADER_BYTES, size - offset))
    written = head.rstrip(b"\0")
    if not START.startswith(written[: len(START)]):
        return False
    if len(written) > len(START) and written[len(START)] not in TYPES:
        return False
    if len(written) > len(START) + 1 and written[len(START) + 1] != 0:
        return False
    try:
        is_truncated = _plausible_header(reader, offset).end > size
    except BadBytes:
        is_truncated = len(head) < HEADER_BYTES
    return is_truncated or _is_zero(reader.file, offset + len(head), size)


def _is_zero(file: ChunkedFile, start: int, stop: int) -> bool:
    while start < stop:
        data = file.read(start, min(CHUNK_BYTES, stop - start))
        if not data or data.strip(b"\0"):
            return False
        start += len(data)
    return True


def _record(file: ChunkedFile, header: Header, number: int) -> Iterator[FoundRecord | Flaw]:
    shown, key = _id(file, header)
    error = file.read(header.error_at, min(header.error_bytes, 4 * ERROR_CHARACTERS))
    name = decode_text(shown)
    yield FoundRecord(
        row=LogRow(
            number=number,
            offset=header.offset,
            type=TYPES[header.type_code],
            id=name if len(shown) == header.id_bytes else f"{name}...",
            ts_ms=header.ts_ms,
            id_bytes=header.id_bytes,
            payload_bytes=header.payload_bytes,
            error_bytes=header.error_bytes,
            next_retry_at_ms=header.next_retry_at_ms,
        ),
        key=key,
        error=decode_text(error),
    )
    yield from _doubts(file, header, shown)


def _id(file: ChunkedFile, header: Header) -> tuple[bytes, bytes]:
    """Return the start of the id, and what stands for it."""
    start = header.offset + HEADER_BYTES
    if header.id_bytes <= ID_BYTES_SHOWN:
        whole = file.read(start, header.id_bytes)
        return whole, id_key(whole)
    digest = blake2b(digest_size=32)
    position = start
    while position < header.payload_at:
        data = file.read(position, min(CHUNK_BYTES, header.payload_at - position))
        if not data:
            break
        digest.update(data)
        position += len(data)
    return file.read(start, ID_BYTES_SHOWN), b"#" + digest.digest()


def _doubts(file: ChunkedFile, header: Header, shown: bytes) -> Iterator[Flaw]:
    """Yield what may be right, and is more likely not what was put."""
    if shown and not shown.strip(b"\0"):
        yield _doubt(file, header, header.offset + HEADER_BYTES, "an id of zeros")
    try:
        shown[: ID_BYTES_SHOWN - 4].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as bad:
        if bad.end < ID_BYTES_SHOWN - 4:
            yield _doubt(file, header, header.offset + HEADER_BYTES, "an id that is not UTF-8")
    if header.payload_bytes >= ZEROS_BYTES:
        zeros = bytes(ZEROS_BYTES)
        found = file.find(zeros, header.payload_at, header.error_at - ZEROS_BYTES + 1)
        position = next(found, None)
        if position is not None:
            what = f"a payload with {ZEROS_BYTES} zeros in a row or more, from {position} on"
            yield _doubt(file, header, position, what)


def _doubt(file: ChunkedFile, header: Header, at: int, what: str) -> Flaw:
    position, data = around(file, at)
    return Flaw(
        kind=FlawKind.DOUBT,
        is_damage=False,
        message=f"the record at {header.offset} has {what}; perhaps it was put so",
        offset=header.offset,
        length_bytes=header.end - header.offset,
        position=position,
        data=data,
        at=at,
    )
