"""What searches reached together: different states, cells, what more would bring, when to stop."""

import hashlib
from collections.abc import Sequence

import pytest

from walcrash.campaign.search_tally import NOTHING_NEW_CASES, Kinds, SearchTally
from walcrash.values.cell import NOTHING_SEARCHED, BootKind, Cell, SearchTotals
from walcrash.values.coverage import CurvePoint
from walcrash.values.event import EventKind
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType


def cell(role: str = "wal.log", *, is_power_loss: bool = True) -> Cell:
    return Cell(
        operation=OperationKind.APPEND,
        record=RecordType.PUT,
        kind=EventKind.WRITE,
        role=role,
        placement=Placement.AFTER,
        boot=BootKind.FIRST,
        is_power_loss=is_power_loss,
    )


def state(number: int) -> str:
    return hashlib.blake2b(str(number).encode(), digest_size=8).hexdigest()


def totals(
    states: Sequence[int], *cells: tuple[Cell, int], unreached: Sequence[Cell] = (), **known: bool
) -> SearchTotals:
    return SearchTotals(
        states=tuple(map(state, states)), cells=cells, unreached=tuple(unreached), **known
    )


def test_states_of_several_cases_are_counted_once_and_cells_add_up() -> None:
    tally = SearchTally()
    tally.add(totals([1, 2, 3], (cell(), 2), (cell("index"), 1), unreached=[cell("other")]))
    tally.add(NOTHING_SEARCHED)
    tally.add(totals([2, 3, 4], (cell(), 3), unreached=[cell("index"), cell("third")]))
    coverage = tally.coverage()
    assert coverage is not None
    assert (coverage.judged, coverage.kinds, coverage.is_counted) == (6, 4, True)
    assert (coverage.searched, coverage.exhausted) == (2, 0)
    assert coverage.cells == ((cell(), 5), (cell("index"), 1))
    # What another case reached is no gap.
    assert coverage.unreached == (cell("other"), cell("third"))


def test_the_curve_has_a_point_after_each_doubling_of_the_cases_and_at_the_end() -> None:
    tally = SearchTally()
    for number in range(6):
        tally.add(totals([number, number + 1], (cell(str(number % 3)), 2)))
    coverage = tally.coverage()
    assert coverage is not None
    assert coverage.curve == (
        CurvePoint(cases=1, judged=2, kinds=2, cells=1),
        CurvePoint(cases=2, judged=4, kinds=3, cells=2),
        CurvePoint(cases=4, judged=8, kinds=5, cells=3),
        CurvePoint(cases=6, judged=12, kinds=7, cells=3),
    )


def test_what_is_new_among_the_next_states_is_the_share_of_those_seen_once() -> None:
    tally = SearchTally()
    # Ten states: seven once, one three times. Four cells: three of one state, one of seven.
    tally.add(totals([1, 2, 3, 4, 5, 6, 7, 8], (cell(), 7), (cell("a"), 1)))
    tally.add(totals([8, 8], (cell("b"), 1), (cell("c"), 1)))
    coverage = tally.coverage()
    assert coverage is not None
    assert (coverage.next_kinds, coverage.next_cells) == (700, 300)


def test_a_scenario_whose_cases_search_nothing_has_no_coverage() -> None:
    tally = SearchTally()
    tally.add(NOTHING_SEARCHED)
    assert tally.coverage() is None


@pytest.mark.parametrize("repeats", [1, 2])
def test_of_more_states_than_are_remembered_a_sample_tells_how_many_there_were(
    repeats: int,
) -> None:
    kinds = Kinds(most=256)
    for number in [*range(4000)] * repeats:
        kinds.add(state(number))
    assert len(kinds.seen) <= 256
    assert kinds.level >= 4
    assert abs(kinds.count - 4000) < 1000
    assert kinds.share_seen_once == (1.0 if repeats == 1 else 0.0)


def test_the_states_are_used_up_when_no_case_had_another_and_none_was_new_for_long() -> None:
    tally = SearchTally()
    tally.add(totals([1, 2], (cell(), 2), is_exhausted=True))
    for _ in range(NOTHING_NEW_CASES - 1):
        tally.add(totals([2, 1], (cell(), 2), is_exhausted=True))
    assert not tally.is_used_up
    tally.add(totals([1], (cell(), 1), is_exhausted=True))
    assert tally.is_used_up


@pytest.mark.parametrize(
    "other",
    [
        totals([3], (cell(), 1), is_exhausted=True),
        totals([1], (cell("new"), 1), is_exhausted=True),
        totals([1], (cell(), 1)),
        NOTHING_SEARCHED,
    ],
    ids=["new state", "new cell", "more to judge", "no search"],
)
def test_the_states_are_not_used_up_by_a_case_that_may_have_more(other: SearchTotals) -> None:
    tally = SearchTally()
    for _ in range(NOTHING_NEW_CASES + 1):
        tally.add(totals([1], (cell(), 1), is_exhausted=True))
    assert tally.is_used_up
    tally.add(other)
    assert not tally.is_used_up
