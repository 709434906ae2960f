"""Walking a reference log past damage, by the rule with which its own recovery judges it.

A bad record is a torn tail unless something proves that it was once durable (`wal.reader`).
Recovery truncates a torn tail and refuses damage. What lies behind damage is read all the same
here, to say how much of the log there still is.

Not here: the state file's operations; what is shown of operations is what the records say.
"""

from collections.abc import Iterator
from typing import Final

from walcrash.tools.verify.operations import ERROR_CHARACTERS, FoundRecord
from walcrash.tools.verify.vixw import ID_BYTES_SHOWN, around, id_key
from walcrash.values.verified import Flaw, FlawKind, LogRow
from walcrash.wal.chunks import ChunkedFile
from walcrash.wal.layout import RECORD_HEADER_BYTES, BadBytes, Frame, decode_record
from walcrash.wal.reader import LogReader, read_behind

BLIND_SPOTS: Final = (
    "Damage to the last records looks like a torn tail where nothing was synced, applied or "
    "appended after them.",
    "Which operations were in flight is not in the log.",
)


def walk_reference(
    reader: LogReader, file: ChunkedFile, floor: int
) -> Iterator[FoundRecord | Flaw]:
    """Yield records and what lies between them.

    Args:
        reader: the log.
        file: the same file, for the bytes around a flaw.
        floor: the offset up to which the state or the checkpoint proves the log durable.
    """
    offset = reader.header.base_offset
    previous: int | None = reader.header.checksum
    proof = max(floor, reader.header.sealed_offset)
    number = 0
    while offset < reader.limit:
        try:
            frame, body = reader.read_record(offset, previous=previous)
        except BadBytes as bad:
            proof, following = read_behind(reader, offset, proof)
            if proof <= offset:
                yield _tail(reader, file, offset, str(bad))
                return
            yield _damage(reader, file, offset, str(bad), following, proof)
            if following is None:
                return
            offset, previous = following, None
            continue
        number += 1
        proof = max(proof, frame.synced_offset)
        yield _found(frame, body, number)
        offset, previous = frame.end, frame.checksum
    if proof > offset:
        yield _damage(reader, file, offset, "the log ends there", None, proof)


def _found(frame: Frame, body: bytes, number: int) -> FoundRecord:
    record = decode_record(frame, body)
    record_id = body[: frame.id_bytes]
    shown = record.id if len(record_id) <= ID_BYTES_SHOWN else f"{record.id[:ID_BYTES_SHOWN]}..."
    return FoundRecord(
        row=LogRow(
            number=number,
            offset=frame.offset,
            type=record.type,
            id=shown,
            ts_ms=record.ts_ms,
            id_bytes=frame.id_bytes,
            payload_bytes=frame.payload_bytes,
            error_bytes=frame.error_bytes,
            next_retry_at_ms=record.next_retry_at_ms,
        ),
        key=id_key(record_id),
        error=record.error[:ERROR_CHARACTERS],
    )


def _damage(
    reader: LogReader,
    file: ChunkedFile,
    offset: int,
    problem: str,
    following: int | None,
    proof: int,
) -> Flaw:
    at = reader.position(offset)
    position, data = around(file, at)
    if following is None:
        after = "no valid record follows"
        length = reader.limit - offset
    else:
        length = following - offset
        after = f"{length:,} bytes on, a valid record starts at {following}"
    return Flaw(
        kind=FlawKind.DAMAGE,
        is_damage=True,
        message=(
            f"no valid record at {offset}: {problem}; {after}. The log was durable up to {proof}, "
            f"so that this is no torn tail; recovery refuses the log and changes nothing"
        ),
        offset=offset,
        length_bytes=length,
        next_offset=following,
        position=position,
        data=data,
        at=at,
    )


def _tail(reader: LogReader, file: ChunkedFile, offset: int, problem: str) -> Flaw:
    at = reader.position(offset)
    position, data = around(file, at)
    length = reader.limit - offset
    plausible = next(reader.find_frames(offset + RECORD_HEADER_BYTES), None)
    behind = (
        ""
        if plausible is None
        else f" There are record headers in it, the first at {plausible.offset}; nothing says that "
        "they were ever durable."
    )
    return Flaw(
        kind=FlawKind.TORN_TAIL,
        is_damage=False,
        message=(
            f"the log ends in a torn tail at {offset}: {problem}. Recovery will truncate its "
            f"{length:,} bytes, none of which was promised.{behind}"
        ),
        offset=offset,
        length_bytes=length,
        next_offset=None if plausible is None else plausible.offset,
        position=position,
        data=data,
        at=at,
    )
