"""Checks of pinned cases: the JSON in a scenario file is a case."""

import json
from collections.abc import Mapping

from walcrash.scenario.checks import Problem
from walcrash.values.case_file import case_from_json
from walcrash.values.errors import UsageError


def pinned_problems(document: Mapping[str, object]) -> list[Problem]:
    """Return what is wrong with the pinned cases of a file whose keys are right."""
    pinned = document.get("pinned", [])
    assert isinstance(pinned, list), "the schema has been checked"
    problems = []
    for number, table in enumerate(pinned):
        try:
            case_from_json(json.loads(table["case"]))
        except (ValueError, RecursionError) as problem:
            message = f"the case is no JSON: {type(problem).__name__}: {problem}"
            problems.append(Problem(("pinned", number, "case"), message, "walcrash pin writes it"))
        except UsageError as problem:
            hint = problem.hint or "walcrash pin writes it"
            problems.append(Problem(("pinned", number, "case"), problem.message, hint))
    return problems
