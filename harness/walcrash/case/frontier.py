"""Frontiers: the crash states of one case that are still to be judged, the newest kind first.

What was tried least comes first; of what was tried equally often, what the case's seed draws. So
each kind of place gets its share, however many places of it a trace has. Nothing is carried over
from one case to another: a case runs alone by its seed and index, on any job, and the draw spreads
the kinds over the cases.

Not here: which states there are (`kill_search`, `power_loss`).

Source: `harness/walcrash/docs/explanation/decisions/0069-search-over-crash-states.md`.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import Enum
from itertools import count
from typing import Generic, TypeVar

from walcrash.values.seed import Prng

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SearchOrder(Enum):
    """In which order states are judged."""

    NOVEL = "novel"
    """What was tried least first."""

    UNIFORM = "uniform"
    """Each as likely as any other: what the first is measured against."""


class Frontier(Generic[K, T]):
    """Places by kind; `take` gives one of the kind that was taken least.

    With `SearchOrder.UNIFORM` the kinds count for nothing.

    Attributes:
        kinds: those of all places: cells, or what a search tells apart beside them.
    """

    def __init__(
        self, places: Iterable[tuple[K, T]], prng: Prng, order: SearchOrder = SearchOrder.NOVEL
    ) -> None:
        """Take in all places; they are put into an order that is drawn."""
        self._order = order
        self._waiting: dict[K, deque[T]] = {}
        self._turns: dict[int, deque[K]] = {}
        self._emptied: dict[K, int] = {}
        self._uniform: deque[tuple[K, T]] = deque()
        drawn = prng.shuffled(list(places))
        self.kinds = frozenset(kind for kind, _ in drawn)
        if order is SearchOrder.UNIFORM:
            self._uniform.extend(drawn)
            return
        for kind, place in drawn:
            self._waiting.setdefault(kind, deque()).append(place)
        if self._waiting:
            self._turns[0] = deque(self._waiting)

    def take(self) -> tuple[K, T] | None:
        """Return a place of the kind that was taken least, and its kind; None if none is left."""
        if self._uniform:
            return self._uniform.popleft()
        while self._turns:
            fewest = min(self._turns)
            turn = self._turns[fewest]
            kind = turn.popleft()
            if not turn:
                del self._turns[fewest]
            places = self._waiting[kind]
            if not places:
                self._emptied[kind] = fewest
                continue
            self._turns.setdefault(fewest + 1, deque()).append(kind)
            return kind, places.popleft()
        return None

    def give_back(self, kind: K, place: T) -> None:
        """Put a place that has more to try behind all others of its kind."""
        if self._order is SearchOrder.UNIFORM:
            self._uniform.append((kind, place))
            return
        self._waiting[kind].append(place)
        if kind in self._emptied:
            self._turns.setdefault(self._emptied.pop(kind), deque()).append(kind)


def by_share(
    frontier: Frontier[K, T], other: Frontier[K, T], *, one_in: int
) -> Iterator[tuple[K, T]]:
    """Yield the places of two frontiers: one in so many is of the other, while both have some."""
    for number in count(1):
        first, second = (other, frontier) if number % one_in == 0 else (frontier, other)
        taken = first.take() or second.take()
        if taken is None:
            return
        yield taken


class _Kind:
    """How often a kind was tried. States are compared often, and kinds themselves are slow to hash.

    Attributes:
        share: `tried`, as many times fewer as it weighs.
    """

    __slots__ = ("share", "tried", "weight")

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.tried = 0
        self.share = 0.0


class Waiting(Generic[T]):
    """States that were made and not judged yet; `take` gives one of the kinds tried least.

    There may be several orders, each by kinds of its own: they take turns.
    With `SearchOrder.UNIFORM` they are handed out as they came.
    """

    def __init__(
        self,
        order: SearchOrder = SearchOrder.NOVEL,
        weight: Callable[[Hashable], int] = lambda _: 1,
    ) -> None:
        """Begin with none.

        Args:
            order: in which order they are handed out.
            weight: for a kind, how many tries of it count as one.
        """
        self._order = order
        self._weight = weight
        self._kinds: dict[Hashable, _Kind] = {}
        self._states: list[tuple[T, list[list[_Kind]]]] = []
        self._taken = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._states)

    def add(self, state: T, *orders: tuple[Hashable, ...]) -> None:
        """Take in a state with its kinds, the one that counts most first.

        Args:
            state: the state.
            orders: its kinds in each of the orders that take turns, as many as other states have.
        """
        self._states.append((state, [[self._kind(kind) for kind in kinds] for kinds in orders]))

    def take(self) -> T:
        """Return a state whose kinds were tried least, the oldest of them; count them as tried."""
        at = 0
        if self._order is SearchOrder.NOVEL:
            at = min(range(len(self._states)), key=self._tries)
        self._taken += 1
        state, orders = self._states.pop(at)
        for kind in {id(kind): kind for kinds in orders for kind in kinds}.values():
            kind.tried += 1
            kind.share = kind.tried / kind.weight
        return state

    def _kind(self, kind: Hashable) -> _Kind:
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind(self._weight(kind))
        return known

    def _tries(self, at: int) -> list[float]:
        orders = self._states[at][1]
        return [kind.share for kind in orders[self._taken % len(orders)]]
