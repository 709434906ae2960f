"""What the searches of cases reached together: kinds of states, cells, what more would bring.

The chance that the next state is of a new kind is about the share of those judged last whose kind
was seen only once (Good and Turing); the same of cells, over all states.

Kinds are remembered in a table of fixed size. When it is full, the half of it goes whose hashes
have another last bit, and what is left stands for all: a sample of the kinds, whatever order they
came in.

Not here: what a case judges, and in which order (`walcrash.case`).

Source: Good, "The population frequencies of species and the estimation of population parameters",
Biometrika 40, 1953, section 4; Flajolet, "On adaptive sampling", Computing 43, 1990.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from walcrash.values.cell import NOTHING_SEARCHED, Cell, SearchTotals
from walcrash.values.coverage import AMONG_NEXT, CurvePoint, SearchCoverage

# limits
KINDS_REMEMBERED: Final = 1 << 16
"""Kinds that are counted one by one; of more a sample is."""

LAST_STATES: Final = 1000
"""States among which those are counted whose kind was seen once."""

NOTHING_NEW_CASES: Final = 64
"""Nothing new is left when so many cases in a row judged all their states, none of a new kind."""


@dataclass(slots=True)
class Kinds:
    """The kinds of the states that came, each with how often; a sample where there are many.

    `level` is how many of the last bits of a kind's hash are 0 in the sample.
    """

    most: int = KINDS_REMEMBERED
    level: int = 0
    seen: Counter[int] = field(default_factory=Counter)
    last: deque[int] = field(default_factory=lambda: deque(maxlen=LAST_STATES))

    def add(self, kind: str) -> bool:
        """Take in a state's kind (hexadecimal digits); return whether it is new, in the sample."""
        number = int(kind, 16)
        self.last.append(number)
        if not self._is_sampled(number):
            return False
        self.seen[number] += 1
        is_new = self.seen[number] == 1
        while len(self.seen) > self.most:
            self.level += 1
            self.seen = Counter({n: c for n, c in self.seen.items() if self._is_sampled(n)})
        return is_new

    @property
    def count(self) -> int:
        """How many kinds there were; an estimate where `level` is not 0."""
        return len(self.seen) << self.level

    @property
    def share_seen_once(self) -> float:
        """The share of the states that came last whose kind was seen once in all; 0 without any."""
        sampled = [number for number in self.last if self._is_sampled(number)]
        once = sum(self.seen[number] == 1 for number in sampled)
        return once / len(sampled) if sampled else 0.0

    def _is_sampled(self, number: int) -> bool:
        return number & ((1 << self.level) - 1) == 0


@dataclass(slots=True)
class SearchTally:
    """The searches of a scenario's cases so far, in the order of their indices.

    `cases` are all cases, `searched` those that searched their crash states; `repeated` is how many
    of the last ones in a row had no other state and none of a new kind.
    """

    kinds: Kinds = field(default_factory=Kinds)
    cells: Counter[Cell] = field(default_factory=Counter)
    unreached: dict[Cell, None] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)
    cases: int = 0
    judged: int = 0
    searched: int = 0
    exhausted: int = 0
    repeated: int = 0

    def add(self, totals: SearchTotals) -> int:
        """Take in the next case; return how many new kinds it has, in the sample."""
        self.cases += 1
        is_searched = totals != NOTHING_SEARCHED
        self.searched += is_searched
        self.exhausted += totals.is_exhausted
        self.judged += len(totals.states)
        new = sum([self.kinds.add(state) for state in totals.states])
        reached = len(self.cells)
        for cell, count in totals.cells:
            self.cells[cell] += count
        self.unreached.update(dict.fromkeys(totals.unreached))
        is_repeated = totals.is_exhausted and not new and len(self.cells) == reached
        self.repeated = self.repeated + 1 if is_repeated else 0
        if self.cases & (self.cases - 1) == 0:
            self.curve.append(self._point())
        return new

    @property
    def is_used_up(self) -> bool:
        """Whether the last cases had no other states than they judged, and none of a new kind."""
        return self.repeated >= NOTHING_NEW_CASES and not self.kinds.level

    def coverage(self) -> SearchCoverage | None:
        """Return what was reached; None where no case searched."""
        if not self.searched:
            return None
        last = self._point()
        curve = self.curve if self.curve[-1:] == [last] else [*self.curve, last]
        judged = self.cells.total()
        once = sum(count == 1 for count in self.cells.values())
        return SearchCoverage(
            judged=self.judged,
            kinds=self.kinds.count,
            is_counted=not self.kinds.level,
            next_kinds=round(AMONG_NEXT * self.kinds.share_seen_once),
            next_cells=round(AMONG_NEXT * once / judged) if judged else 0,
            searched=self.searched,
            exhausted=self.exhausted,
            cells=tuple(self.cells.items()),
            unreached=tuple(cell for cell in self.unreached if cell not in self.cells),
            curve=tuple(curve),
        )

    def _point(self) -> CurvePoint:
        return CurvePoint(
            cases=self.cases,
            judged=self.judged,
            kinds=self.kinds.count,
            cells=len(self.cells),
        )
