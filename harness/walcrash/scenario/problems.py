"""What is wrong with a parsed scenario file, in words.

pydantic says which check failed where; this turns each into what was found, what is allowed
and, where it can be known, what was probably intended.

Not here: lines and files (`file`).

Source: the error types of pydantic 2, https://docs.pydantic.dev/latest/errors/validation_errors/.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from walcrash.scenario.checks import cross_problems
from walcrash.scenario.fault_table import FaultTable
from walcrash.scenario.problem import Problem
from walcrash.scenario.schema import (
    TABLES,
    ContractTable,
    ScenarioTable,
    WorkloadTable,
)
from walcrash.scenario.toml_position import KeyPath

# limits
SHOWN_CHARACTERS: Final = 60
"""How much of a wrong value a message shows."""

M = TypeVar("M", bound=BaseModel)

_ALLOWED: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text in quotes",
    "list_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "letters, digits, `.`, `_` and `-`, a letter or digit first",
}


def problems_of(document: Mapping[str, object]) -> list[Problem]:
    """Return all problems of a parsed file: of each table by itself, and between tables."""
    try:
        ScenarioTable.model_validate(document)
        problems = []
    except ValidationError as failed:
        problems = [_problem(error) for error in failed.errors(include_url=False)]
    return problems + _cross_problems_of_what_is_right(document)


def _cross_problems_of_what_is_right(document: Mapping[str, object]) -> list[Problem]:
    faults = document.get("faults", [])
    readable = [
        (position, fault)
        for position, raw in enumerate(faults if isinstance(faults, list) else [])
        if (fault := _read_table(FaultTable, raw)) is not None
    ]
    # What is fitted to the subject draws every operation, and later boots.
    return cross_problems(
        _read_table(WorkloadTable, document.get("workload")),
        _read_table(ContractTable, document.get("contract")),
        readable,
    )


def _read_table(table: type[M], raw: object) -> M | None:
    try:
        return table.model_validate(raw)
    except ValidationError:
        return None


def _problem(error: ErrorDetails) -> Problem:
    path: KeyPath = error["loc"]
    if error["type"] == "missing":
        return _missing_key(path)
    if error["type"] == "extra_forbidden":
        return _unknown_key(path)
    if path == ("faults",) and error["type"] == "list_type":
        return Problem(path, "found one table; faults are a list", "write `[[faults]]`")
    context = error.get("ctx", {})
    found = f"found {shown(error['input'])}"
    if error["type"] == "choice":
        return _wrong_name(path, error["input"], cast("Sequence[str]", context["names"]))
    if error["type"] in ("option", "range"):
        allowed = str(context["allowed"])
    else:
        allowed = _ALLOWED.get(error["type"], error["msg"]).format(**context)
    return Problem(path, f"{found}; allowed: {allowed}", _example(path))


def _missing_key(path: KeyPath) -> Problem:
    return Problem(path[:-1], f"the key `{path[-1]}` is missing", _example(path))


def _unknown_key(path: KeyPath) -> Problem:
    keys = list(_table(path[:-1]).model_fields)
    message = f"there is no such key; allowed: {', '.join(keys)}"
    return Problem(path, message, _meant(str(path[-1]), keys, quote="`"))


def _wrong_name(path: KeyPath, value: object, names: Sequence[str]) -> Problem:
    message = f"found {shown(value)}; allowed: {', '.join(names)}"
    near = _meant(value, names, quote='"') if isinstance(value, str) else ""
    return Problem(path, message, near or _example(path))


def _meant(value: str, names: Sequence[str], *, quote: str) -> str:
    near = difflib.get_close_matches(value, names, n=1)
    return f"did you mean {quote}{near[0]}{quote}?" if near else ""


def _example(path: KeyPath) -> str:
    """Return how the key of the value is written; empty for tables and options."""
    names = [part for part in path if isinstance(part, str)]
    table = TABLES.get(tuple(names[:-1]))
    field = table.model_fields.get(names[-1]) if table and names else None
    if names == ["faults"]:
        return "write `[[faults]]`"
    if field is None or not field.examples:
        return f"write a table `[{'.'.join(names)}]`" if tuple(names) in TABLES else ""
    return f"for example `{names[-1]} = {json.dumps(field.examples[0])}`"


def _table(path: KeyPath) -> type[BaseModel]:
    return TABLES[tuple(part for part in path if isinstance(part, str))]


def shown(value: object) -> str:
    """Return a value of a file as TOML would have it, shortened, without control characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:
        text = "a number that is too long"
    text = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
