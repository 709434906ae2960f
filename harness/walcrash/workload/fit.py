"""Fits: what a subject's files show of its records, in boots without a crash.

From the writes of each `append` follows what a record takes in the file that it goes to, and at
which size that file is followed by a next one. A fitted workload (`swarm`) draws sizes around that.

- What a put takes is `frame + length of its id + scale * payload`, by two sizes of payloads; a mark
  takes a frame of its own.
- The size at which that happens is known up to one record. The roundest number in that range is
  taken: sizes in programs are 65,536 or 100,000, and not 65,521.

All of it follows from events and from no time, so the same subject gives the same fit.

Not here: where records lie, and which file follows which (`placed`); which records are appended to
find this out (`long_control`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final, Self

from walcrash.values.event import MESSAGES
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.workload.payload_form import PayloadForm, PutSize, form_of
from walcrash.workload.placed import Placed, Trace, followed, named_bytes, placed_records

# limits
SCALE: Final = 1024
"""`scale` is in so many parts: 1,024 for payloads as they are, 1,365 for base64."""

LONG_PAYLOAD_BYTES: Final = 1000
"""A payload of so many bytes or more tells how payloads are scaled."""

LARGEST_ROUND_BYTES: Final = 1 << 26
"""The largest step of round sizes."""

NEXT_FILES: Final = 64
"""Most sizes of files with a next one that are looked at."""

_AROUND: Final = (OperationKind.OPEN, OperationKind.CLOSE)
"""What each boot has, whether it changes a file or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What one case without a crash shows for a fit; nothing of it holds what was written.

    Attributes:
        placed: where the records of each boot are, as far as that shows.
        called: the operations that its boots had.
        busy: those of them that changed a file in a call.
    """

    placed: tuple[tuple[Placed, ...], ...] = ()
    called: frozenset[OperationKind] = frozenset()
    busy: frozenset[OperationKind] = frozenset()

    @classmethod
    def of(cls, boots: Sequence[Trace]) -> Self:
        """Return what the boots of one case show, in order."""
        return cls(
            placed=tuple(tuple(placed_records(boot)) for boot in boots),
            called=frozenset(each.kind for plan, _ in boots for each in plan.operations),
            busy=frozenset(
                plan.operations[event.call].kind
                for plan, events in boots
                for event in events
                if event.kind not in MESSAGES and 0 <= event.call < len(plan.operations)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What a subject showed.

    Attributes:
        frames: by type of record, the bytes that it takes beside its id, its error and its payload;
            empty where no append shows it.
        scale: what a byte of payload takes, in 1/1024 bytes.
        form: how payloads are written, where puts show that to the byte; else the scale is all that
            is known.
        segment_bytes: how long a file of records gets before records go to a next one; 0 where no
            file was followed.
        goes_beyond: whether a file got longer than that before it was followed: the record that
            no longer fits is written all the same.
        header_bytes: where the first record of a next file begins.
        is_file_per_boot: whether the first record of each later boot began a file.
        idle: the operations that were called and changed no file in any call.
        takes_second_mark: whether a second MarkDone of an operation was acknowledged.
        most_payload_bytes: the longest payload that was acknowledged where a longer one was
            refused; 0 where none was.
        is_promised_by_sync: whether a record is promised by the next `sync`, and not by its append.
        room_bytes: how much its records can take together, where the log refused more; 0 where it
            did not.
    """

    frames: Mapping[RecordType, int] = field(default_factory=dict)
    scale: int = SCALE
    form: PayloadForm | None = None
    segment_bytes: int = 0
    goes_beyond: bool = False
    header_bytes: int = 0
    is_file_per_boot: bool = False
    idle: frozenset[OperationKind] = frozenset()
    takes_second_mark: bool = False
    most_payload_bytes: int = 0
    is_promised_by_sync: bool = False
    room_bytes: int = 0

    @classmethod
    def of(cls, cases: Sequence[Sequence[Trace]]) -> Self:
        """Return what cases without a crash show, each a list of its boots."""
        return cls.merged([CaseFacts.of(case) for case in cases])

    @classmethod
    def merged(cls, cases: Sequence[CaseFacts]) -> Self:
        """Return what cases without a crash show together, in order."""
        boots = [boot for case in cases for boot in case.placed]
        placed = [each for boot in boots for each in boot]
        scale, form = _scale(placed), form_of(_put_sizes(placed))
        pairs = [each for boot in boots for each in followed(boot)][:NEXT_FILES]
        later = [boot for case in cases for boot in case.placed[1:]]
        firsts = [boot[0] for boot in later if boot]
        segment_bytes = _segment_bytes(pairs)
        called = frozenset[OperationKind]().union(*(case.called for case in cases))
        return cls(
            frames=_frames(placed, scale, form),
            scale=scale,
            form=form,
            segment_bytes=segment_bytes,
            goes_beyond=any(before.end > segment_bytes for before, _ in pairs),
            header_bytes=median_low([after.begin for _, after in pairs]) if pairs else 0,
            is_file_per_boot=bool(firsts) and all(first.is_new_file for first in firsts),
            idle=called.difference(_AROUND, *(case.busy for case in cases)),
        )

    def record_bytes(self, record: Record) -> int:
        """Return about how many bytes a record takes in its file."""
        frame = self.frames.get(record.type, self.frames.get(RecordType.PUT, 0))
        return frame + named_bytes(record) + _taken(len(record.payload), self.scale, self.form)

    def payload_for(self, record_bytes: int, id_: str) -> int:
        """Return the payload of a put that takes so many bytes, or as many of them as can be.

        It is negative where the frame takes more.

        Args:
            record_bytes: what it is to take in its file.
            id_: its id.
        """
        frame = self.frames.get(RecordType.PUT, 0) + len(id_.encode("utf-8", "surrogatepass"))
        if self.form is not None:
            return self.form.payload(record_bytes - frame)
        return (record_bytes - frame) * SCALE // self.scale


def _taken(payload_bytes: int, scale: int, form: PayloadForm | None) -> int:
    return scale * payload_bytes // SCALE if form is None else form.written(payload_bytes)


def _put_sizes(placed: Sequence[Placed]) -> list[PutSize]:
    return [
        PutSize(each.payload_bytes, _without_name(each))
        for each in placed
        if each.type is RecordType.PUT
    ]


def _scale(placed: Sequence[Placed]) -> int:
    """Return what a byte of payload takes, in 1/1024: by how much more long payloads take."""
    puts = [each for each in placed if each.type is RecordType.PUT]
    short = [each for each in puts if each.payload_bytes < LONG_PAYLOAD_BYTES // 8]
    long = [each for each in puts if each.payload_bytes >= LONG_PAYLOAD_BYTES]
    if not short or not long:
        return SCALE
    base = sorted(short, key=_without_name)[len(short) // 2]
    slopes = [
        SCALE
        * (_without_name(each) - _without_name(base))
        // (each.payload_bytes - base.payload_bytes)
        for each in long
    ]
    # What is stored in blocks, or with all that came before it, is not scaled by its payload.
    return max(SCALE, min(4 * SCALE, median_low(slopes)))


def _without_name(placed: Placed) -> int:
    return placed.written - placed.name_bytes


def _frames(
    placed: Sequence[Placed], scale: int, form: PayloadForm | None
) -> dict[RecordType, int]:
    frames: dict[RecordType, list[int]] = {}
    for each in placed:
        taken = each.name_bytes + _taken(each.payload_bytes, scale, form)
        frames.setdefault(each.type, []).append(max(0, each.written - taken))
    return {kind: median_low(found) for kind, found in frames.items()}


def _segment_bytes(followed: Sequence[tuple[Placed, Placed]]) -> int:
    """Return the roundest size that most of the files had reached, or would have gone beyond.

    The next record was either too long for what was left, or the last one had reached the size.
    """
    ranges = [(before.begin + 1, before.end + after.written) for before, after in followed]
    if not ranges:
        return 0
    sizes = [_roundest(low, high) for low, high in ranges]
    return max(sizes, key=lambda size: (sum(low <= size <= high for low, high in ranges), -size))


def _roundest(low: int, high: int) -> int:
    """Return the number of a range that is a multiple of the largest power of 2, 10, or 5 * 10."""
    steps = {1 << bits for bits in range(LARGEST_ROUND_BYTES.bit_length())}
    steps |= {scale * 10**zeros for scale in (1, 5) for zeros in range(8)}
    for step in sorted(steps, reverse=True):
        if high // step * step >= low:
            return high // step * step
    return high
