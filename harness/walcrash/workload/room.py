"""Room: what a new log is given to find out whether a recovered one that takes nothing is full.

In one boot it is given puts only, so that it frees nothing:

- twice what the recovered log may hold: a log that frees whole files at a time may keep about as
  much again;
- what boots may have wasted (`BOOT_BYTES` for each that there was): where a boot goes on, records
  may begin at the next page;
- once more its longest record: where a ring ends, some room may be left;
- at last the records that were refused.

What has room for all of that is a log whose like had room. Where it refuses one put of the first
three kinds, which are as long as puts that the subject has acknowledged, it is full as well.

A small log is full by that sooner than it is in truth. So where boots crashed, another new log is
given what these boots did, each killed behind that or closed as it was; then the longest record,
`BOOT_BYTES` for each boot that may have left a record in part, and what was refused. It has to show
all that the recovered one showed, or it has freed more than that.

A log of several files may begin one whenever it is opened after a kill, and have no more of them
than so many. So a third new log is killed as often as there were boots, behind one put each.

Not here: what a log may hold (`walcrash.oracle.room`), what follows (`walcrash.case.judging`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.tears import PAGE_BYTES
from walcrash.workload.operations import CLOSE, OPEN

# limits
TIMES: Final = 2
"""How often what is held is appended."""

BOOT_BYTES: Final = PAGE_BYTES
"""What a boot may waste, in bytes."""

FRAME_BYTES: Final = 16
"""The least that a record takes beside its id and its payload: length, type and time."""

PUTS: Final = 4096
"""Most puts that a new log is given; where more are needed, it counts as full."""

SYNC_EVERY: Final = 16
"""A sync follows so many puts, where the subject supports it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is known of a log that may be full.

    Attributes:
        held: what it may hold, in append order.
        refused: what it has refused.
        sizes: payload lengths in bytes of puts that it has acknowledged; where there are none, puts
            are as long as those that it refused.
        boots: how many boots it has had.
        supports: its capabilities.
    """

    held: Sequence[Record]
    refused: Sequence[Record]
    sizes: Collection[int]
    boots: int
    supports: frozenset[str]

    def one_boot(self) -> tuple[Operation, ...]:
        """Return what a new log is asked in one boot; nothing where that is too much."""
        known = self._known()
        held = [each for record in self.held for each in _as_long(record, known)]
        return self._last_boot([*held * TIMES, *self._spare(self.boots)])

    def same_boots(
        self, done: Sequence[Sequence[Operation]], closed: Sequence[bool], torn: int
    ) -> tuple[tuple[Operation, ...], ...]:
        """Return what a new log is asked in boots that do the same; nothing where it is too much.

        A boot without a `close` at its end is to be killed.

        Args:
            done: what each boot did, without `open` and `close`.
            closed: which of them were closed.
            torn: how many of them may have left a record in part.
        """
        last = self._last_boot(self._spare(torn))
        if not last:
            return ()
        ends = [(CLOSE,) if is_closed else () for is_closed in closed]
        return (*((OPEN, *each, *end) for each, end in zip(done, ends, strict=True)), last)

    def many_boots(self) -> tuple[tuple[Operation, ...], ...]:
        """Return what a new log is asked in as many boots: a put in each, then what was refused."""
        size, first_ms = self._known()[0], self.refused[0].ts_ms - self.boots
        puts = [
            Record(RecordType.PUT, id_, first_ms + at, bytes(size))
            for at, id_ in enumerate(_ids(self.held, self.boots))
        ]
        return (
            *((OPEN, Operation(OperationKind.APPEND, put)) for put in puts),
            self._last_boot(()),
        )

    def _known(self) -> list[int]:
        return sorted(self.sizes) or sorted({len(record.payload) for record in self.refused})

    def _spare(self, boots: int) -> list[bytes]:
        """Return payloads of what a log may lose of its room at its end, and in so many boots."""
        known = self._known()
        return [*_longest(self.held, known), *_wasted(boots, known)]

    def _last_boot(self, payloads: Sequence[bytes]) -> tuple[Operation, ...]:
        """Return a boot with new puts, and with what was refused as its last appends."""
        if len(payloads) > PUTS:
            return ()
        ids = _ids(self.held, len(payloads))
        first_ms = self.refused[0].ts_ms - len(payloads)
        operations = [OPEN]
        for at, (id_, payload) in enumerate(zip(ids, payloads, strict=True), start=1):
            put = Record(RecordType.PUT, id_, first_ms + at - 1, payload)
            operations.append(Operation(OperationKind.APPEND, put))
            if "sync" in self.supports and at % SYNC_EVERY == 0:
                operations.append(Operation(OperationKind.SYNC))
        asked = [Operation(OperationKind.APPEND, record) for record in self.refused]
        return (*operations, *asked, CLOSE)


def _as_long(record: Record, known: Sequence[int]) -> Iterator[bytes]:
    """Yield payloads that are together as long as what a record holds, or a bit longer."""
    content = record.payload + record.error.encode("utf-8", "surrogatepass")
    longer = (size for size in known if size >= len(content))
    size = next(longer, known[-1])
    if not size:
        yield from [b""] * max(1, -(-len(content) // FRAME_BYTES))
        return
    for start in range(0, max(1, len(content)), size):
        piece = content[start : start + size]
        yield piece + Prng(len(content)).data(size - len(piece))


def _longest(held: Sequence[Record], known: Sequence[int]) -> Iterator[bytes]:
    """Yield what is as long as the longest record that is held."""
    longest = max(held, key=lambda record: len(record.payload) + len(record.error), default=None)
    if longest is not None:
        yield from _as_long(longest, known)


def _wasted(boots: int, known: Sequence[int]) -> Iterator[bytes]:
    """Yield what fills the room that boots may have wasted."""
    prng = Prng(derive_seed(0, "room"))
    usual = [size for size in known if size <= BOOT_BYTES]
    size = usual[-1] if usual else known[0]
    for _ in range(-(-boots * BOOT_BYTES // (size + FRAME_BYTES))):
        yield prng.data(size)


def _ids(held: Sequence[Record], count: int) -> Iterator[str]:
    """Yield new ids; those of the first puts are as long as those of what is held, or longer."""
    for at in range(count):
        length = len(held[at % len(held)].id.encode("utf-8", "surrogatepass")) if held else 0
        yield f"room-{at}".ljust(length, "x")
