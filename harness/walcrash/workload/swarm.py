"""Swarms: a plan of its own for each case of a fitted workload.

A case that has a bit of everything reaches no depth in anything, and some of what it does hides
what other operations would show. So each case draws which operations it has, how often, around
which size its payloads lie, how many boots there are, how many of these append nothing or end
with `close`. Shapes of boots and of sizes are dealt like cards among `FITTED_DECK` cases that
follow one another, so that none is left out by chance.

Sizes lie around what the subject showed (`fit`): records that end at a page or sector end, or one
byte off; lengths that are multiples of 256 (`round_lengths`); files that are followed by a next one
after two to eight records; the record that ends exactly where its file does, the one that is longer
than a file. The bytes of a case are bounded, so the longer its records, the fewer they are.

Where the log has a fixed room, seven cases of sixteen fill it several times over: records of which
three to two dozen fill it, marks of the oldest operations, and compactions (`room_left`). Where its
files are followed by next ones and it can be compacted, three cases of sixteen free what they have
put: with nearly every operation marked at once, so that few files have what is still needed, or
once two or three files are full. A log may remove files in a wrong order, or use one again.

Not here: the operations themselves (`operations`), which are drawn from the plan as from a stated
one.

Source: Groce, Zhang, Eide, Chen, Regehr, "Swarm Testing", ISSTA 2012.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import (
    FITTED_BOOTS,
    FITTED_BOOTS_MOST,
    FITTED_DECK,
    OperationMix,
    PhasePlan,
    WorkloadPlan,
)
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.tears import PAGE_BYTES
from walcrash.workload.fit import Fit
from walcrash.workload.operations import UPKEEP, is_supported

# limits
CASE_BYTES: Final = 384 * 1024
"""About how many bytes of payloads a case appends."""

LONGEST_PAYLOAD_BYTES: Final = 128 * 1024
"""The longest payload that is drawn."""

USUAL_BYTES: Final = (0, 1, 16, 100, 1000, 5000)
SHORT_BYTES: Final = (0, 1, 16, 100)
LONG_BYTES: Final = (16, 5_000, 20_000, 32_768, 70_000)

FEWEST_OPERATIONS: Final = 3
"""Fewest operations that a boot may get at most, however long its records are."""

USUAL_ID: Final = "op-12"
"""An id as long as most."""


REPEATED_ONE_IN: Final = 2
"""In one of so many cases with upkeep some of it is done twice in a row."""


class BootShape(Enum):
    """How many boots a case has, and how many operations each; fewest and most of both.

    `BUSY` is not dealt: it is that of cases in which one call goes on during many others.
    """

    ONE = (1, 1, 5, 25)
    TWO = (2, 2, 5, 20)
    THREE = (3, FITTED_BOOTS, 3, 15)
    SEVERAL = (4, 9, 1, 6)
    DOZEN = (10, FITTED_BOOTS_MOST, 1, 4)
    BUSY = (1, 2, 8, 24)


class SizeShape(Enum):
    """Around what the payloads of a case lie."""

    USUAL = "usual"
    SHORT = "short"
    ONE = "one"
    EDGES = "edges"
    SEGMENTS = "segments"
    LONG = "long"
    ROOM = "room"
    FREED = "freed"


BOOT_DECK: Final = (
    *[BootShape.ONE] * 3,
    *[BootShape.TWO] * 6,
    *[BootShape.THREE] * 4,
    BootShape.SEVERAL,
    *[BootShape.DOZEN] * 2,
)
SIZE_DECK: Final = (
    *[SizeShape.USUAL] * 5,
    *[SizeShape.SHORT] * 2,
    *[SizeShape.ONE] * 2,
    *[SizeShape.EDGES] * 2,
    *[SizeShape.SEGMENTS] * 4,
    SizeShape.LONG,
)

ROUND: Final = frozenset({SizeShape.USUAL, SizeShape.SHORT, SizeShape.EDGES})
"""Cases in which some puts have round lengths (`round_lengths`)."""

OF_ROOM: Final = frozenset({SizeShape.SEGMENTS, SizeShape.ONE, SizeShape.LONG})
"""In whose place records lie around the room of a log, where that is known."""

ROOM_RECORDS: Final = (3, 3, 4, 6, 8, 12, 24)
"""Of so many of the longest records of such a case the log is full: a log that keeps room for marks
writes over what it has freed where one record is longer than that."""

ROOM_LAPS: Final = (4, 10)
"""How often the operations of such a case would fill the log if all of them were its puts, and no
crash left any out."""

FREED_ONE_IN: Final = {SizeShape.SEGMENTS: 2, SizeShape.USUAL: 5}
"""In one of so many cases of these shapes records are as long as a part of a file, and are freed by
compactions."""

FREED_HELD: Final = (1, 8, 12)
"""What such a case holds at most before it frees something, in quarters of a file: nearly every
operation is marked at once, or two or three files are full before."""

FREED_RECORDS: Final = (1, 6)
"""Of fewest and most of the longest records of such a case a file is full."""

FREED_FILES: Final = (4, 10)
"""As many files the operations of such a case would fill if all of them were its puts."""

ROOM_OPERATIONS: Final = (3, 100)
"""Fewest and most operations of its boots."""

IDLE: Final = PhasePlan(operations=(0, 0))
"""A boot that only opens."""

UPKEEP_OPERATIONS: Final = (1, 2)
"""Fewest and most operations of a boot that appends nothing and does not only open."""

_APPENDING: Final[frozenset[OperationMix]] = frozenset(
    {OperationMix.PUT, OperationMix.DONE, OperationMix.FAILED}
)
_WEIGHTS: Final = {OperationMix.PUT: 6, OperationMix.DONE: 3}
_PROMISING_SYNCS: Final = 4
"""How often a sync comes where it is what promises records."""

_EMPHASIS: Final = 4
_PUTS_OF_ALL: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarm:
    """What one case draws from.

    Attributes:
        workload: its plan, with a phase for each boot.
        has_second_marks: whether operations that are done may be marked so again.
        fills_files: whether some puts are as long as what is left of their file.
        has_round_lengths: whether some puts have a length that ends in a byte of zero, or nearly.
        repeats_upkeep: whether what a log does for its upkeep is done twice in a row now and then.
        held_bytes: what the log is to hold at most before it is freed from its oldest records on:
            its fixed room, or the length of some files; 0 where nothing is freed on purpose.
    """

    workload: WorkloadPlan
    has_second_marks: bool = False
    fills_files: bool = False
    has_round_lengths: bool = False
    repeats_upkeep: bool = False
    held_bytes: int = 0


def draw_swarm(
    workload: WorkloadPlan,
    fit: Fit,
    supports: frozenset[str],
    *,
    scenario: str,
    master_seed: str | int,
    index: int,
    is_busy: bool = False,
) -> Swarm:
    """Return the plan of one case.

    Args:
        workload: the scenario's; its bounds of boots and its clock are kept. A stated workload is
            returned as it is.
        fit: what the subject showed.
        supports: its capabilities.
        scenario: the scenario's name.
        master_seed: of the campaign.
        index: of the case.
        is_busy: whether each boot has many operations, and ends with a crash.
    """
    if not workload.is_fitted:
        return Swarm(workload=workload)
    deck = Prng(derive_seed(master_seed, scenario, "swarm", index // FITTED_DECK))
    boot_shape = deck.shuffled(BOOT_DECK)[index % FITTED_DECK]
    boot_shape = BootShape.BUSY if is_busy else boot_shape
    size_shape = deck.shuffled(SIZE_DECK)[index % FITTED_DECK]
    seed = derive_seed(master_seed, scenario, "swarm of a case", index)
    prng = Prng(seed)
    size_shape = _where_freed(size_shape, fit, supports, Prng(derive_seed(seed, "freed")))
    held_bytes = _held_bytes(size_shape, fit, Prng(derive_seed(seed, "held")))
    sizes = _sizes(prng, size_shape, fit)
    has_second_marks = fit.takes_second_mark and prng.below(2) == 0
    mix = _mix(prng, fit, supports, has_done=has_second_marks, is_even=is_busy)
    fewest, most = workload.boots
    low, high, *operations = boot_shape.value
    boots = max(fewest, min(most, prng.between(low, high)))
    operations_most = min(operations[1], _affordable(sizes, boots))
    per_boot = (min(operations[0], operations_most), operations_most)
    if held_bytes:
        mix |= _freeing(prng, supports)
        if size_shape is SizeShape.ROOM:
            written = held_bytes * prng.between(*ROOM_LAPS)
        else:
            written = min(CASE_BYTES, fit.segment_bytes * prng.between(*FREED_FILES))
        per_boot = _writing(sizes, fit, boots, written)
    phases = () if is_busy else _phases(prng, mix, per_boot, boots)
    plan = replace(
        workload,
        boots=(boots, boots),
        operations=per_boot,
        mix=mix,
        payload_bytes=sizes,
        clean_close=0 if is_busy else prng.choice((0, 0, 20, 50, 100)),
        phases=phases,
        is_fitted=False,
    )
    return Swarm(
        workload=plan,
        has_second_marks=has_second_marks,
        fills_files=size_shape is SizeShape.SEGMENTS and fit.segment_bytes > 0,
        has_round_lengths=size_shape in ROUND,
        held_bytes=held_bytes,
        repeats_upkeep=not UPKEEP.isdisjoint(mix) and prng.below(REPEATED_ONE_IN) == 0,
    )


def _where_freed(shape: SizeShape, fit: Fit, supports: frozenset[str], prng: Prng) -> SizeShape:
    """Return the shape of a case that frees what it has put, where that is possible; else the same.

    Where a few files are longer than a case may write, it would be too long.
    """
    if fit.room_bytes:
        return SizeShape.ROOM if shape in OF_ROOM else shape
    has_next = 0 < fit.segment_bytes * FREED_FILES[0] <= CASE_BYTES
    if not has_next or not is_supported(OperationMix.COMPACT, supports):
        return shape
    one_in = FREED_ONE_IN.get(shape)
    return SizeShape.FREED if one_in is not None and prng.below(one_in) == 0 else shape


def _held_bytes(shape: SizeShape, fit: Fit, prng: Prng) -> int:
    """Return `Swarm.held_bytes` of a case."""
    if shape is SizeShape.ROOM:
        return fit.room_bytes
    return fit.segment_bytes * prng.choice(FREED_HELD) // 4 if shape is SizeShape.FREED else 0


def _phases(
    prng: Prng, mix: Mapping[OperationMix, int], per_boot: tuple[int, int], boots: int
) -> tuple[PhasePlan, ...]:
    """Return a phase for each boot: in some cases some boots append nothing.

    Half of these do nothing at all, the others what a log does for its upkeep. One boot appends.
    """
    upkeep = {kind: weight for kind, weight in mix.items() if kind not in _APPENDING}
    share = prng.choice((0, 0, 25, 50)) if boots > 1 else 0
    phases = []
    for _ in range(boots):
        phase = PhasePlan(operations=per_boot)
        if prng.below(100) < share:
            is_idle = not upkeep or prng.below(2) == 0
            phase = IDLE if is_idle else PhasePlan(operations=UPKEEP_OPERATIONS, mix=upkeep)
        phases.append(phase)
    if all(phase.operations != per_boot for phase in phases):
        phases[0] = PhasePlan(operations=per_boot)
    return tuple(phases)


def _mix(
    prng: Prng, fit: Fit, supports: frozenset[str], *, has_done: bool, is_even: bool
) -> dict[OperationMix, int]:
    """Return which operations a case has: puts, half of the others, one of them often or none.

    With `has_done` MarkDone is one of them, and `sync` where it is what promises.
    """
    possible = [kind for kind in OperationMix if is_supported(kind, supports)]
    has_all = prng.below(4) == 0
    idle = {kind.value for kind in fit.idle}
    mix: dict[OperationMix, int] = {}
    for kind in possible:
        # What has never changed a file is drawn for what it may find there.
        chance = 2 if kind.value in idle else 4
        chance = {OperationMix.PUT: 8, OperationMix.SYNC: 7}.get(kind, chance)
        promises = fit.is_promised_by_sync and kind is OperationMix.SYNC
        is_needed = promises or (has_done and kind is OperationMix.DONE)
        if prng.below(8) < chance or has_all or is_needed:
            mix[kind] = _PROMISING_SYNCS if promises else _WEIGHTS.get(kind, 1)
    often = prng.choice(possible)
    if often in mix and prng.below(2) and not is_even:
        mix[often] *= _EMPHASIS
    return mix


def _affordable(sizes: Sequence[int], boots: int) -> int:
    """Return how many operations a boot may have for the case to stay within its bytes."""
    mean = _PUTS_OF_ALL * sum(sizes) / len(sizes)
    return max(FEWEST_OPERATIONS, int(CASE_BYTES / boots / max(1.0, mean)))


def _sizes(prng: Prng, shape: SizeShape, fit: Fit) -> tuple[int, ...]:
    """Return the payload sizes of a case, each once or more; none that the subject refuses."""
    most = fit.most_payload_bytes or LONGEST_PAYLOAD_BYTES
    sizes: Sequence[int] = USUAL_BYTES
    if shape is SizeShape.SHORT:
        sizes = SHORT_BYTES
    elif shape is SizeShape.ONE:
        sizes = (prng.choice(USUAL_BYTES),)
    elif shape is SizeShape.EDGES:
        sizes = _edges(prng, fit)
    elif shape is SizeShape.SEGMENTS and fit.segment_bytes:
        sizes = _segments(prng, fit)
    elif shape is SizeShape.ROOM:
        sizes = _parts_of(prng, fit, fit.room_bytes // prng.choice(ROOM_RECORDS), most)
    elif shape is SizeShape.FREED:
        sizes = _parts_of(prng, fit, fit.segment_bytes // prng.between(*FREED_RECORDS), most)
    elif shape is SizeShape.LONG:
        sizes = LONG_BYTES
    return tuple(size for size in sizes if 0 <= size <= most) or (min(16, most),)


def _edges(prng: Prng, fit: Fit) -> list[int]:
    """Return payloads whose records end at a sector or page end, or a byte off, in a new file."""
    unit = prng.choice((SECTOR_BYTES, PAGE_BYTES))
    exact = [fit.payload_for(unit * times, USUAL_ID) for times in (1, 2)]
    return [16, *(size + off for size in exact for off in (-1, 0, 1))]


def _segments(prng: Prng, fit: Fit) -> list[int]:
    """Return payloads of which few make a file full, and one that is longer than a file."""
    whole, few = fit.segment_bytes, prng.between(2, 8)
    part = fit.payload_for(whole // few, USUAL_ID)
    over = fit.payload_for(whole, USUAL_ID) + prng.choice((0, 1, 1 + part // 2))
    return [part, part, part, part - prng.below(max(1, part // 4)), 16, 100, over]


def _parts_of(prng: Prng, fit: Fit, record_bytes: int, most: int) -> list[int]:
    """Return payloads of records of so many bytes, of which some fill a log, and shorter ones."""
    part = max(0, min(fit.payload_for(record_bytes, USUAL_ID), most))
    return [part, part, part - prng.below(max(1, part // 4)), part // 2, min(16, part)]


def _freeing(prng: Prng, supports: frozenset[str]) -> dict[OperationMix, int]:
    """Return the operations that fill a log and free its room, each with its weight."""
    mix = {OperationMix.PUT: 12, OperationMix.DONE: prng.choice((6, 9, 12))}
    if is_supported(OperationMix.COMPACT, supports):
        # Most compactions come where there is no room.
        mix[OperationMix.COMPACT] = 1
    return mix


def _writing(sizes: Sequence[int], fit: Fit, boots: int, case_bytes: int) -> tuple[int, int]:
    """Return fewest and most operations of a boot, which write so many bytes in a case."""
    fewest, most = ROOM_OPERATIONS
    mean = sum(fit.record_bytes(Record(RecordType.PUT, USUAL_ID, 0, bytes(n))) for n in sizes)
    every = case_bytes * len(sizes) // max(1, mean)
    usual = max(fewest, min(most, every // boots))
    return max(fewest, usual // 2), min(most, usual + usual // 2)
