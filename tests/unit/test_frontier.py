"""In which order a search judges states: what was tried least comes first."""

from collections import Counter

import pytest

from walcrash.case.frontier import Frontier, SearchOrder, Waiting, by_share
from walcrash.values.cell import BootKind, Cell
from walcrash.values.event import EventKind
from walcrash.values.moments import Placement
from walcrash.values.seed import Prng


def cell(role: str) -> Cell:
    return Cell(
        operation=None,
        record=None,
        kind=EventKind.WRITE,
        role=role,
        placement=Placement.AFTER,
        boot=BootKind.FIRST,
    )


MANY, TWO, ONE = cell("many"), cell("two"), cell("one")
PLACES = [(MANY, at) for at in range(100)] + [(TWO, 100), (TWO, 101), (ONE, 102)]


def taken(frontier: Frontier[Cell, int], most: int) -> list[tuple[Cell, int]]:
    found = (frontier.take() for _ in range(most))
    return [each for each in found if each is not None]


@pytest.mark.parametrize("seed", range(5))
def test_each_cell_has_its_turn_however_many_places_it_has(seed: int) -> None:
    found = taken(Frontier(PLACES, Prng(seed)), 200)
    cells = [each for each, _ in found]
    assert set(cells[:3]) == {MANY, TWO, ONE}
    assert sorted(cells[3:5], key=str) == sorted([MANY, TWO], key=str)
    assert set(cells[5:]) == {MANY}
    assert sorted(place for _, place in found) == list(range(103))


def test_of_two_frontiers_one_has_its_share_while_both_have_places() -> None:
    few = Frontier([(TWO, at) for at in range(4)], Prng(0))
    many = Frontier([(MANY, at) for at in range(6)], Prng(0))
    cells = [each for each, _ in by_share(few, many, one_in=3)]
    assert cells == [TWO, TWO, MANY, TWO, TWO, *[MANY] * 5]


def test_what_is_given_back_comes_behind_what_its_cell_has_left() -> None:
    frontier = Frontier([(TWO, 1), (TWO, 2)], Prng(0))
    first = frontier.take()
    assert first is not None
    frontier.give_back(*first)
    second, third = frontier.take(), frontier.take()
    assert second is not None
    assert second != first == third
    assert frontier.take() is None
    frontier.give_back(TWO, 7)
    assert frontier.take() == (TWO, 7)


def test_a_cell_that_was_empty_keeps_how_often_it_was_taken() -> None:
    frontier = Frontier([(ONE, 1), *((MANY, at) for at in range(9))], Prng(0))
    assert {each for each, _ in taken(frontier, 2)} == {ONE, MANY}
    assert {each for each, _ in taken(frontier, 4)} == {MANY}
    frontier.give_back(ONE, 1)
    assert frontier.take() == (ONE, 1)


def test_uniform_order_takes_no_account_of_cells() -> None:
    ends = Counter(Frontier(PLACES, Prng(seed), SearchOrder.UNIFORM).take() for seed in range(400))
    many = sum(count for each, count in ends.items() if each is not None and each[0] is MANY)
    assert many > 360
    assert len(taken(Frontier(PLACES, Prng(0), SearchOrder.UNIFORM), 200)) == len(PLACES)


def test_nothing_is_taken_where_there_is_nothing() -> None:
    assert Frontier([], Prng(0)).take() is None


def handed_out(waiting: Waiting[str]) -> list[str]:
    return [waiting.take() for _ in range(len(waiting))]


def test_the_state_whose_kinds_were_tried_least_is_next() -> None:
    waiting: Waiting[str] = Waiting()
    for state, kinds in zip("wxyz", [("a", 1), ("a", 1), ("b", 1), ("c", 2)], strict=True):
        waiting.add(state, kinds)
    assert handed_out(waiting) == ["w", "z", "y", "x"]
    # What was tried is known when others come.
    waiting.add("p", ("a", 1))
    waiting.add("q", ("d", 2))
    assert handed_out(waiting) == ["q", "p"]


def test_tries_of_what_weighs_more_count_less() -> None:
    waiting: Waiting[str] = Waiting(weight=lambda kind: 3 if kind == "often" else 1)
    for number in range(6):
        waiting.add(f"o{number}", ("often",))
        waiting.add(f"s{number}", ("seldom",))
    found = handed_out(waiting)
    assert [each[0] for each in found[:8]].count("o") == 6


def test_waiting_states_of_a_uniform_order_come_as_they_were_made() -> None:
    waiting: Waiting[str] = Waiting(SearchOrder.UNIFORM)
    for state in "abc":
        waiting.add(state, ("alike",))
    assert handed_out(waiting) == ["a", "b", "c"]


def test_two_orders_of_what_waits_take_turns() -> None:
    waiting: Waiting[str] = Waiting()
    for name in ("a", "b", "c"):
        waiting.add(name, ("often",), ("first",))
    waiting.add("rare", ("often",), ("second",))
    assert handed_out(waiting) == ["a", "rare", "b", "c"]
