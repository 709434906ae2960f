"""Checks of pinned cases: the JSON in a scenario file is a case."""

from collections.abc import Mapping

from walcrash.scenario.problem import Problem
from walcrash.values.case_file import case_from_text
from walcrash.values.codec import UPGRADE, Refused


def pinned_problems(document: Mapping[str, object]) -> list[Problem]:
    """Return what is wrong with the pinned cases of a file whose keys are right."""
    pinned = document.get("pinned", [])
    assert isinstance(pinned, list), "the schema has been checked"
    problems = []
    for number, table in enumerate(pinned):
        try:
            case_from_text(table["case"])
        except Refused as problem:
            hint = problem.hint if problem.hint == UPGRADE else "walcrash pin writes it"
            problems.append(Problem(("pinned", number, "case"), problem.message, hint))
    return problems
