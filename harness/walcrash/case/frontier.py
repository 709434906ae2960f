"""Frontiers: the crash states of one case that are still to be judged, the newest kind first.

What was tried least comes first; of what was tried equally often, what the case's seed draws. So
each kind of place gets its share, however many places of it a trace has. Nothing is carried over
from one case to another: a case runs alone by its seed and index, on any job, and the draw spreads
the kinds over the cases.

Not here: which states there are (`kill_search`, `power_loss`).

Source: `harness/walcrash/docs/explanation/decisions/0069-search-over-crash-states.md`.
"""

from collections import Counter, deque
from collections.abc import Hashable, Iterable
from enum import Enum
from typing import Generic, TypeVar

from walcrash.values.cell import Cell
from walcrash.values.seed import Prng

T = TypeVar("T")


class SearchOrder(Enum):
    """In which order states are judged."""

    NOVEL = "novel"
    """What was tried least first."""

    UNIFORM = "uniform"
    """Each as likely as any other: what the first is measured against."""


class Frontier(Generic[T]):
    """Places by cell; `take` gives one of the cell that was taken least.

    With `SearchOrder.UNIFORM` the cells count for nothing.

    Attributes:
        cells: those of all places.
    """

    def __init__(
        self, places: Iterable[tuple[Cell, T]], prng: Prng, order: SearchOrder = SearchOrder.NOVEL
    ) -> None:
        """Take in all places; they are put into an order that is drawn."""
        self._order = order
        self._waiting: dict[Cell, deque[T]] = {}
        self._turns: dict[int, deque[Cell]] = {}
        self._emptied: dict[Cell, int] = {}
        self._uniform: deque[tuple[Cell, T]] = deque()
        drawn = prng.shuffled(list(places))
        self.cells = frozenset(cell for cell, _ in drawn)
        if order is SearchOrder.UNIFORM:
            self._uniform.extend(drawn)
            return
        for cell, place in drawn:
            self._waiting.setdefault(cell, deque()).append(place)
        if self._waiting:
            self._turns[0] = deque(self._waiting)

    def take(self) -> tuple[Cell, T] | None:
        """Return a place of the cell that was taken least, and its cell; None if none is left."""
        if self._uniform:
            return self._uniform.popleft()
        while self._turns:
            fewest = min(self._turns)
            turn = self._turns[fewest]
            cell = turn.popleft()
            if not turn:
                del self._turns[fewest]
            places = self._waiting[cell]
            if not places:
                self._emptied[cell] = fewest
                continue
            self._turns.setdefault(fewest + 1, deque()).append(cell)
            return cell, places.popleft()
        return None

    def give_back(self, cell: Cell, place: T) -> None:
        """Put a place that has more to try behind all others of its cell."""
        if self._order is SearchOrder.UNIFORM:
            self._uniform.append((cell, place))
            return
        self._waiting[cell].append(place)
        if cell in self._emptied:
            self._turns.setdefault(self._emptied.pop(cell), deque()).append(cell)


def newest_first(
    states: Iterable[T], kinds: Iterable[tuple[Hashable, ...]], tried: Counter[Hashable]
) -> list[T]:
    """Return states so that each next one is of the kinds that were tried least, and count them.

    Args:
        states: in the order in which equally new ones are left.
        kinds: for each state its kinds, the one that counts most first.
        tried: how often each kind was tried; what is returned is counted as tried.
    """
    waiting = list(zip(states, kinds, strict=True))
    ordered = []
    while waiting:
        at = min(range(len(waiting)), key=lambda each: [tried[kind] for kind in waiting[each][1]])
        state, its_kinds = waiting.pop(at)
        tried.update(its_kinds)
        ordered.append(state)
    return ordered
