"""In which order a power loss's positions are looked at, and their images judged.

A trace has few places that mislead a reader, and many that are like each other. So positions come
by two orders that take turns: by their cell, and by what lies beneath the pending writes, which a
loss would show. Of the images that wait, one in two comes by its cell and its rule of choice, and
one in two by the shape of its loss (`loss_shape`): bytes of before behind what was kept, a header
whose first sector alone is lost. Of each order that kind is next which was tried least.

Not here: how often something was tried (`frontier`), the images (`walcrash.disk`).

Source: `harness/walcrash/docs/explanation/decisions/0094-what-a-loss-shows.md`.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import Final, NamedTuple, Self

from walcrash.case.frontier import Frontier, SearchOrder, Waiting
from walcrash.case.loss_shape import LossShape, loses_first
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.disk import WEIGHTS, Beneath, Candidate, beneath
from walcrash.values.cell import Cell
from walcrash.values.image_choice import Policy
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.record import RecordType
from walcrash.values.seed import Prng

# limits
FIRST_POSITIONS: Final = 12
"""Positions whose images are made together at first."""

FURTHER_POSITIONS: Final = 4
"""The same of each further round, beside images that wait: three of four of the first ones do."""

POSITIONS_BENEATH: Final = 2_000
"""Positions of a boot that are told apart by what lies beneath; of more, so many are drawn."""

TURNS: Final = (("cell",), ("beneath", "cell"), ("cell",), ("head", "beneath", "cell"))
"""By which orders positions come, one after the other; the next of a turn where one is used up."""

_TEARS: Final = (Policy.TORN, Policy.BLOCK_LOST)


class PlaceKind(NamedTuple):
    """What tells one position from another: its cell, and where a sector ends in a header.

    Which bytes of a header a disk may leave without the others is another question at each byte.
    """

    cell: Cell
    head_bytes: int


class _Head(NamedTuple):
    """A record with a sector end in its header: what it is, and how many bytes lie before that."""

    record: RecordType | None
    bytes: int

    @classmethod
    def of(cls, boot: RecordedBoot, position: CrashPosition) -> Self:
        record = boot.cell(position, is_power_loss=True).record
        return cls(record, boot.head_bytes(position))


_Take = Callable[[], tuple[PlaceKind | _Head | Beneath, CrashPosition] | None]


def by_cell(
    boot: RecordedBoot, positions: Iterable[CrashPosition], prng: Prng, order: SearchOrder
) -> Frontier[PlaceKind, CrashPosition]:
    """Return the positions of a boot by their cells."""
    return Frontier(((_kind(boot, at), at) for at in positions), prng, order)


class LossPlaces:
    """The positions of one boot; with `SearchOrder.UNIFORM` each is as likely as any other."""

    def __init__(
        self,
        boot: RecordedBoot,
        positions: Sequence[CrashPosition],
        prng: Prng,
        order: SearchOrder,
    ) -> None:
        """Take in the positions.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
            TimeOver: there is no time left.
        """
        self._boot = boot
        self._by_cell = by_cell(boot, positions, prng, order)
        places: list[tuple[Beneath, CrashPosition]] = []
        heads: list[tuple[_Head, CrashPosition]] = []
        if order is SearchOrder.NOVEL:
            is_many = len(positions) > POSITIONS_BENEATH
            chosen = prng.shuffled(positions)[:POSITIONS_BENEATH] if is_many else positions
            states = boot.states(frozenset(chosen))
            places = [(beneath(pending), position) for position, pending in states]
            events = [at for at in positions if at.placement is Placement.AFTER]
            heads = [(_Head.of(boot, at), at) for at in events]
        self._by_beneath = Frontier(places, prng, order)
        self._by_head = Frontier([each for each in heads if each[0].bytes], prng, order)
        self._taken_as: dict[CrashPosition, PlaceKind | _Head | Beneath] = {}
        self._visits: Counter[CrashPosition] = Counter()

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells of all positions."""
        return frozenset(kind.cell for kind in self._by_cell.kinds)

    def next_round(self) -> dict[CrashPosition, PlaceKind]:
        """Return the next positions, each with its kind; none where none is left."""
        most = FURTHER_POSITIONS if self._visits else FIRST_POSITIONS
        self._taken_as = dict(islice(self._takes(), most))
        return {position: _kind(self._boot, position) for position in self._taken_as}

    def _takes(self) -> Iterator[tuple[CrashPosition, PlaceKind | _Head | Beneath]]:
        """Yield places by turns; where one order is used up another one takes its turn."""
        takes: dict[str, _Take] = {
            "cell": self._by_cell.take,
            "beneath": self._by_beneath.take,
            "head": self._by_head.take,
        }
        for turn in cycle(TURNS):
            found = (takes[order]() for order in turn)
            taken = next((each for each in found if each is not None), None)
            if taken is None:
                return
            yield taken[1], taken[0]

    def visit(self, position: CrashPosition) -> int:
        """Return how often images were made of a position before, and count this time."""
        self._visits[position] += 1
        return self._visits[position] - 1

    def give_back(self, position: CrashPosition) -> None:
        """Put a position of this round that has more images behind all others of its kind."""
        kind = self._taken_as[position]
        if isinstance(kind, PlaceKind):
            self._by_cell.give_back(kind, position)
        elif isinstance(kind, _Head):
            self._by_head.give_back(kind, position)
        else:
            self._by_beneath.give_back(kind, position)


class WaitingImages:
    """Images that were made and not judged yet."""

    def __init__(self, order: SearchOrder) -> None:
        """Begin with none."""
        self._waiting: Waiting[tuple[PlaceKind, Candidate]] = Waiting(order, _weight)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._waiting)

    def add_round(self, made: Iterable[tuple[PlaceKind, Candidate, LossShape]]) -> None:
        """Take in the images of a round, each with its place and the shape of its loss."""
        # Of tears those come first that leave a part of a header, its end before its beginning.
        for kind, candidate, shape in sorted(made, key=_rank):
            policy, is_header_torn = candidate.choice.policy, _tears_head(kind, candidate)
            # Each tear of a header leaves other bytes of it.
            tear = candidate.digest if is_header_torn else ""
            by_rule = ((kind, policy, tear), policy)
            record = kind.cell.record if is_header_torn else None
            of_shape = (shape, kind.head_bytes, record)
            # By shape alone the oldest is next, and so what leaves a part of a header.
            self._waiting.add(
                (kind, candidate), by_rule, (of_shape, *by_rule), by_rule, (of_shape,)
            )

    def take(self) -> tuple[PlaceKind, Candidate]:
        """Return the next one, and count what it is as tried."""
        return self._waiting.take()


def _kind(boot: RecordedBoot, position: CrashPosition) -> PlaceKind:
    return PlaceKind(boot.cell(position, is_power_loss=True), boot.head_bytes(position))


def _tears_head(kind: PlaceKind, candidate: Candidate) -> bool:
    return bool(kind.head_bytes) and candidate.choice.policy in _TEARS


def _rank(made: tuple[PlaceKind, Candidate, LossShape]) -> int:
    kind, candidate, shape = made
    if not _tears_head(kind, candidate):
        return 2
    return 0 if loses_first(shape) else 1


def _weight(kind: Hashable) -> int:
    """Return how many tries of a kind count as one: real file systems follow some rules more."""
    return WEIGHTS[kind] if isinstance(kind, Policy) else 1
