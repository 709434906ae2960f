"""Coverage: what the search of all of a scenario's cases reached, and what more of it would bring.

Not here: what one case judged (`cell`), how cases are added up (`walcrash.campaign`).
"""

from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.cell import Cell
from walcrash.values.forms import SPARSE, Count, Row

AMONG_NEXT: Final = 1000
"""Of so many next states the estimates say how many would be something new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint(Row):
    """How far the search was after so many cases.

    Attributes:
        cases: how many cases.
        judged: states that they judged.
        kinds: of how many kinds these were.
        cells: cells that they reached.
    """

    cases: Count
    judged: Count
    kinds: Count
    cells: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCoverage:
    """What the searches of a scenario's cases judged together.

    Attributes:
        judged: states that were judged.
        kinds: of how many kinds they were, over all cases: where the crash fell, what was kept,
            and what the recovery showed beside what had been promised.
        is_counted: whether `kinds` is a count; else it is an estimate from a part of them.
        next_kinds: of the next `AMONG_NEXT` states about so many would be of a new kind.
        next_cells: of the next `AMONG_NEXT` states about so many would reach a new cell.
        searched: cases that searched their crash states.
        exhausted: of these, cases that judged every state at the depths that they searched.
        cells: the cells that were reached, each with how many judged states fell into it.
        unreached: cells that a case could have reached, and none did.
        curve: how far the search was after 1, 2, 4, ... cases and at the end.
    """

    judged: Count
    kinds: Count
    is_counted: Annotated[bool, SPARSE] = True
    next_kinds: Annotated[Count, SPARSE] = 0
    next_cells: Annotated[Count, SPARSE] = 0
    searched: Count
    exhausted: Annotated[Count, SPARSE] = 0
    cells: tuple[tuple[Cell, Count], ...]
    unreached: Annotated[tuple[Cell, ...], SPARSE] = ()
    curve: tuple[CurvePoint, ...] = ()
