"""The operations of a boot, drawn one after the other.

What can be drawn depends on what came before: a mark needs an operation that was put and is
not done, and prefers one that a tick has sent. `Progress` keeps that, as it would be if every
operation of the case had been carried out. What a crash loses is not known here: where the put of
an operation was lost, the worker leaves out its marks (`subjects.worker`), as a client does.

Not here: where a fault falls (`faults`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import MIX_CAPABILITIES, OperationMix, WorkloadPlan
from walcrash.values.seed import Prng
from walcrash.workload.content import draw_failure, draw_id, draw_payload
from walcrash.workload.file_end import FileEnd
from walcrash.workload.room_left import RoomLeft
from walcrash.workload.round_lengths import RoundLengths

# limits
EPOCH_MS: Final = 1_700_000_000_000
"""When every case begins, milliseconds since 1970."""

STEP_MS: Final = 50
"""The longest usual time between two operations."""

LONG_STEP_MS: Final = 5_000
"""The longest time between two operations of which one appends."""

PAUSES_MS: Final = (1_000, 15_000, 60_000, 600_000, 86_400_000)
"""How far ahead some ticks are: beyond any retry delay or time in flight of the scenarios."""

SECOND_MARK_ONE_IN: Final = 2
"""Where operations that are done are marked again: of so many MarkDone one is such."""

FILLED_ONE_IN: Final = 3
"""Where a log of fixed room is nearly full and a compaction would free some of it, one of so many
puts is made all the same."""

REFUSED_ONE_IN: Final = 4
"""The same where only marks would free some, and the longest put does not fit: what is shorter may
take the room of the marks, and the log is full for good."""

OTHER_MARK_ONE_IN: Final = 8
"""In a log of fixed room one of so many marks may be of another operation than the oldest."""

OPEN: Final = Operation(OperationKind.OPEN)
CLOSE: Final = Operation(OperationKind.CLOSE)

UPKEEP: Final = frozenset({OperationMix.COMPACT, OperationMix.APPLY, OperationMix.SYNC})
"""What a log does for its upkeep, and may be asked for again at once: where the first time failed,
the second one may say that there is nothing to do."""

_MIX_OF_RECORD: Final = {
    RecordType.PUT: OperationMix.PUT,
    RecordType.DONE: OperationMix.DONE,
    RecordType.FAILED: OperationMix.FAILED,
}


@dataclass(slots=True)
class Progress:
    """Where a case stands.

    Attributes:
        now_ms: the latest time in any operation so far.
        puts: how many operations were put.
        is_empty_taken: the empty id was put.
        waiting: operations that a tick would send, in order, each with the time that it is due.
        sent: operations that a tick has sent and that no mark followed.
        done: operations that are done and that no compaction may have dropped; None where none of
            them is marked again.
        file_end: where the file of records ends; None where no put is to end there.
        round_lengths: draws puts of round lengths; None where none has one on purpose.
        repeats_upkeep: whether half of what a log does for its upkeep is done twice in a row.
        room: what the log holds; None where its room is not known, or not to be filled.
    """

    now_ms: int = EPOCH_MS
    puts: int = 0
    is_empty_taken: bool = False
    waiting: dict[str, int] = field(default_factory=dict)
    sent: dict[str, None] = field(default_factory=dict)
    done: dict[str, None] | None = None
    file_end: FileEnd | None = None
    round_lengths: RoundLengths | None = None
    repeats_upkeep: bool = False
    room: RoomLeft | None = None

    def copy(self) -> "Progress":
        """Return one that can go another way."""
        return Progress(
            self.now_ms,
            self.puts,
            self.is_empty_taken,
            dict(self.waiting),
            dict(self.sent),
            None if self.done is None else dict(self.done),
            None if self.file_end is None else self.file_end.copy(),
            self.round_lengths,
            self.repeats_upkeep,
            None if self.room is None else self.room.copy(),
        )

    def note(self, operation: Operation) -> None:
        """Go on by one operation."""
        if operation.kind is OperationKind.OPEN and self.file_end is not None:
            self.file_end.reopen()
        if operation.kind is OperationKind.COMPACT and self.done is not None:
            self.done.clear()
        if operation.kind is OperationKind.COMPACT and self.room is not None:
            self.room.compact()
        if operation.now_ms is not None:
            self._note_tick(operation.now_ms)
        if operation.record is not None:
            self._note_record(operation.record)

    def _note_tick(self, now_ms: int) -> None:
        self.now_ms = max(self.now_ms, now_ms)
        for id_ in [id_ for id_, due_ms in self.waiting.items() if due_ms <= now_ms]:
            del self.waiting[id_]
            self.sent[id_] = None

    def _note_record(self, record: Record) -> None:
        self.now_ms = max(self.now_ms, record.ts_ms)
        if self.room is not None and not self.room.takes(record):
            self.puts += record.type is RecordType.PUT
            return
        self.waiting.pop(record.id, None)
        self.sent.pop(record.id, None)
        if record.type is RecordType.PUT:
            self.puts += 1
            self.is_empty_taken = self.is_empty_taken or not record.id
            self.waiting[record.id] = record.ts_ms
        elif record.type is RecordType.FAILED:
            self.waiting[record.id] = record.next_retry_at_ms
        elif self.done is not None:
            self.done[record.id] = None
        if self.file_end is not None:
            self.file_end.note(record)


def weighted_kinds(plan: WorkloadPlan, supports: frozenset[str]) -> list[tuple[OperationMix, int]]:
    """Return what the workload draws from this subject, in a fixed order, with its weights."""
    return [
        (kind, plan.mix.get(kind, 0))
        for kind in OperationMix
        if plan.mix.get(kind, 0) > 0 and is_supported(kind, supports)
    ]


def is_supported(kind: OperationMix, supports: frozenset[str]) -> bool:
    """Return whether a subject with these capabilities has an operation of the mix."""
    needed = MIX_CAPABILITIES.get(kind)
    return needed is None or needed in supports


def mix_of(operation: Operation) -> OperationMix | None:
    """Return what the operation counts as in the mix; None for `open` and `close`."""
    if operation.record is not None:
        return _MIX_OF_RECORD[operation.record.type]
    if operation.kind in (OperationKind.OPEN, OperationKind.CLOSE):
        return None
    return OperationMix(operation.kind.value)


def draw_operations(
    prng: Prng,
    progress: Progress,
    plan: WorkloadPlan,
    kinds: Sequence[tuple[OperationMix, int]],
) -> list[Operation]:
    """Return the operations of one boot: `open`, and as many others as the plan says.

    `progress` goes on with them. A mark that finds nothing to mark becomes a put.
    """
    operations = [OPEN]
    names = [kind for kind, _ in kinds]
    weights = [weight for _, weight in kinds]
    count = prng.between(*plan.operations) if kinds else 0
    while len(operations) <= count:
        kind = prng.weighted(names, weights)
        if kind in (OperationMix.DONE, OperationMix.FAILED) and not has_markable(progress):
            kind = OperationMix.PUT
        if progress.room is not None and progress.room.is_short:
            kind = _where_room_is_short(prng, progress, kind, names)
        operations.append(draw_operation(prng, progress, plan, kind, operations))
        progress.note(operations[-1])
        is_repeated = progress.repeats_upkeep and kind in UPKEEP and prng.below(2)
        if is_repeated and len(operations) <= count:
            operations.append(operations[-1])
    return operations


def _where_room_is_short(
    prng: Prng, progress: Progress, kind: OperationMix, names: Sequence[OperationMix]
) -> OperationMix:
    """Return what is done in place of a put that may not fit: what frees room, or that put."""
    assert progress.room is not None, "room is short"
    if kind not in (OperationMix.PUT, OperationMix.FAILED):
        return kind
    if OperationMix.COMPACT in names and progress.room.can_free:
        return OperationMix.COMPACT if prng.below(FILLED_ONE_IN) else kind
    is_marked = OperationMix.DONE in names and has_markable(progress)
    is_refused = progress.room.is_full and not prng.below(REFUSED_ONE_IN)
    return OperationMix.DONE if is_marked and not is_refused else kind


def has_markable(progress: Progress) -> bool:
    """Return whether an operation was put and is not done."""
    return bool(progress.sent or progress.waiting)


def draw_operation(
    prng: Prng,
    progress: Progress,
    plan: WorkloadPlan,
    kind: OperationMix,
    before: Sequence[Operation],
) -> Operation:
    """Return one operation; `before` is what the boot has so far. `progress` stays."""
    if kind is OperationMix.TICK:
        return Operation(OperationKind.TICK, now_ms=_draw_tick_ms(prng, progress))
    if kind is OperationMix.REPLAY:
        return Operation(OperationKind.REPLAY, from_call=_draw_from_call(prng, before))
    if kind in _MIX_OF_RECORD.values():
        return Operation(OperationKind.APPEND, record=_draw_record(prng, progress, plan, kind))
    return Operation(OperationKind(kind.value))


def _draw_tick_ms(prng: Prng, progress: Progress) -> int:
    ahead_ms = prng.choice(PAUSES_MS) if prng.below(4) == 0 else 0
    return progress.now_ms + prng.between(0, STEP_MS) + ahead_ms


def _draw_from_call(prng: Prng, before: Sequence[Operation]) -> int | None:
    appends: list[int] = []
    for position, operation in enumerate(before):
        if operation.kind is OperationKind.APPEND:
            appends.append(position)
        elif operation.kind is OperationKind.COMPACT:
            # Compaction may drop a record or move it to another offset, and an offset from
            # before it means nothing afterwards.
            appends.clear()
    return prng.choice(appends) if appends and prng.below(2) else None


def _draw_record(prng: Prng, progress: Progress, plan: WorkloadPlan, kind: OperationMix) -> Record:
    longest_ms = LONG_STEP_MS if prng.below(8) == 0 else STEP_MS
    ts_ms = progress.now_ms + prng.between(1, longest_ms)
    if kind is OperationMix.PUT:
        id_ = draw_id(
            prng,
            style=plan.ids,
            number=progress.puts + 1,
            is_empty_taken=progress.is_empty_taken,
        )
        id_, sizes = _sized(prng, progress, plan, id_, ts_ms)
        return Record(RecordType.PUT, id_, ts_ms, payload=draw_payload(prng, sizes))
    if kind is OperationMix.DONE and progress.done and prng.below(SECOND_MARK_ONE_IN) == 0:
        return Record(RecordType.DONE, prng.choice(list(progress.done)), ts_ms)
    marked = _draw_marked(prng, progress)
    if kind is OperationMix.DONE:
        return Record(RecordType.DONE, marked, ts_ms)
    return draw_failure(prng, marked, ts_ms)


def _sized(
    prng: Prng, progress: Progress, plan: WorkloadPlan, id_: str, ts_ms: int
) -> tuple[str, Sequence[int]]:
    """Return the id of a put, and the sizes of which its payload has one."""
    chosen = None
    if progress.file_end is not None:
        chosen = progress.file_end.draw_put(prng, id_)
    elif progress.round_lengths is not None:
        chosen = progress.round_lengths.draw_put(prng, id_, ts_ms)
    return (id_, plan.payload_bytes) if chosen is None else (chosen[0], (chosen[1],))


def _draw_marked(prng: Prng, progress: Progress) -> str:
    # An engine marks what it has sent; but a log takes a mark of anything that was put.
    is_sent_preferred = prng.below(4) > 0
    if progress.room is not None and prng.below(OTHER_MARK_ONE_IN):
        # Room is freed from the oldest record on.
        return next(iter(progress.sent or progress.waiting))
    if progress.sent and is_sent_preferred:
        return prng.choice(list(progress.sent))
    return prng.choice([*progress.sent, *progress.waiting])
