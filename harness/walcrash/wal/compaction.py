"""Compaction: the log without the records of operations that are done and applied.

The records that stay below the checkpoint are moved up so that they still end there, and all
behind it keep their offsets. So neither the checkpoint nor the state has to change with the
log, and one rename is the whole step: a crash leaves the old log or the new one, both right.

Records are encoded again, since their checksums hold their offsets. They are written with the
new log's start as their `synced_offset`; the header's `sealed_offset` speaks for all of them.

Not here: which operations are dropped (`store`), and how the file gets its name (`directory`).
"""

from collections.abc import Iterable, Set

from walcrash.values.record import Record
from walcrash.wal.directory import write_all
from walcrash.wal.layout import LOG_HEADER_BYTES, LogHeader, encode_record

# limits

BUFFER_BYTES = 1024 * 1024
"""How much is collected before it is written; a longer record is written alone."""


def retained_bytes(
    records: Iterable[tuple[int, Record]], dropped: Set[str], below: int, end: int
) -> int:
    """Return how many bytes the records take that start below an offset and stay.

    Args:
        records: all of the log, in order, with their offsets.
        dropped: ids whose records go.
        below: the record boundary up to which is counted.
        end: the offset behind the last record.
    """
    total = 0
    counted_from: int | None = None
    for offset, record in records:
        if counted_from is not None:
            total += offset - counted_from
        if offset >= below:
            return total
        counted_from = None if record.id in dropped else offset
    return total if counted_from is None else total + end - counted_from


def write_retained(fd: int, header: LogHeader, kept: Iterable[tuple[int, Record]]) -> None:
    """Write a whole log file: the header, then the records without gaps.

    Raises:
        OSError: it could not be written.
    """
    parts = [header.encode()]
    pending = LOG_HEADER_BYTES
    position = 0
    offset = header.base_offset
    previous = header.checksum
    for _, record in kept:
        data, previous = encode_record(
            record,
            base=header.base_offset,
            offset=offset,
            previous=previous,
            synced_offset=header.base_offset,
        )
        parts.append(data)
        offset += len(data)
        pending += len(data)
        if pending >= BUFFER_BYTES:
            write_all(fd, b"".join(parts), position)
            position += pending
            parts, pending = [], 0
    write_all(fd, b"".join(parts), position)
