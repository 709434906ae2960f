"""Whether the rows of a campaign's state can be those of its request.

What a damaged row says is never taken for a case: cases are numbered from 0 without a hole, each
in the place of its own number, with the seed that this number has, in a scenario that was asked
for. A row that is lost at the end is no damage here: its case is judged again.

Not here: the tables, and how their cells are read (`state`).
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

from walcrash.case.outcome import CaseOutcome
from walcrash.workload.draw import case_seed

_NAMING: Final = ("begun", "judged", "done", "minimal", "reported")
"""The tables whose rows are about a scenario."""


class WrongRow(ValueError):
    """A row of the state is damaged; the message says which table, what was found and allowed."""


def check_rows(connection: sqlite3.Connection, scenarios: Collection[str]) -> None:
    """See that every row is about a scenario of the request, and that cases have no hole.

    Args:
        connection: to the state.
        scenarios: the names that the request has.

    Raises:
        WrongRow: one is about another scenario, or numbers of cases are wrong.
        sqlite3.Error: the file cannot be read.
    """
    for table in _NAMING:
        for (name,) in connection.execute(f"select distinct scenario from {table}"):  # noqa: S608
            if name not in scenarios:
                raise WrongRow(
                    f"{table}.scenario: found {name!r:.80}; allowed: {', '.join(scenarios)}"
                )
    places = connection.execute("select scenario, number from judged order by scenario, number")
    due = dict.fromkeys(scenarios, 0)
    for name, number in places:
        if type(number) is not int or number != due[name]:
            raise WrongRow(
                f"judged.number: found {number!r:.80} where case {due[name]} of {name} belongs"
            )
        due[name] += 1


def check_outcomes(outcomes: Sequence[CaseOutcome], scenario: str, master_seed: str) -> None:
    """See that each case stands in its own place: its number and its seed are those of the place.

    Raises:
        WrongRow: one is another case.
    """
    for number, outcome in enumerate(outcomes):
        seed = case_seed(master_seed, scenario, number)
        if (outcome.index, outcome.seed) != (number, seed):
            raise WrongRow(
                f"judged.outcome of {scenario}, number {number}: found case {outcome.index} with "
                f"seed {outcome.seed}; allowed: case {number} with seed {seed}"
            )
