"""`harness/walcrash/docs/reference/event-log.md` is made from the log's types.

WALCRASH_UPDATE_REFERENCE=1 writes it.
"""

# ruff: noqa: E501 - the page has one sentence a line

import inspect
import json
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path

from report_lines import failing_run

from walcrash.report.ndjson import line_bytes
from walcrash.values import log
from walcrash.values.forms import Row
from walcrash.values.rules import RULES

PAGE = Path(__file__).parents[2] / "harness" / "walcrash" / "docs" / "reference" / "event-log.md"

HEAD = f"""\
# The event log

This page is made from `harness/walcrash/values/log.py` by `tests/unit/test_report_event_log_page.py`.

A run writes `events.ndjson`: one JSON object a line, ASCII, in one order, each as soon as it is known.
Where the disk is full the log ends with a whole line; a run that is killed leaves at most its last line unfinished.
The log holds no clock, process id, duration or path of the machine: the same seed gives the same bytes, whatever the number of jobs and the load of the machine.
A time budget (`--time`) ends a run where the clock says: how many lines there are then depends on the machine, `time_cuts` says what was cut, where no case was run the reason has durations, and where there were few `few` says how long enough of them take.
[Subjects that make other system calls from run to run](subjects.md#the-same-seed) give other lines.

The format is version {log.LOG_FORMAT}; a reader refuses a higher one.
Within a version, lines and keys may be added; a reader leaves out what it does not know.
[`event-log.schema.json`](event-log.schema.json) is the JSON Schema of one line.

What a log has very many of is an array in place of an object; its values stand in the order of the table.
Values at the end of such an array that are what the table calls their default are left out.
Bytes are base64.
"""


def event_log_page() -> str:
    kinds = list(typing.get_args(log.LogLine))
    examples = {type(line): line_bytes(line).decode() for line in reversed(failing_run())}
    lines = [_line(kind, examples[kind]) for kind in kinds]
    nested = [f"### {kind.__name__}\n\n{_table(kind)}" for kind in _nested(kinds)]
    words = [f"### {kind.__name__}\n\n{_values(kind)}" for kind in _enums(kinds)]
    parts = [HEAD.rstrip(), "## Lines", *lines, "## Objects", *nested, "## Words", *words]
    return "\n\n".join(parts) + "\n"


def _line(kind: type, example: str) -> str:
    name = log._NAMES[kind]
    return f"### {name}\n\n{_summary(kind)}\n\n{_table(kind)}\n\n```json\n{example}```"


def _summary(kind: type) -> str:
    text = inspect.getdoc(kind) or ""
    return " ".join(text.split("\nAttributes:")[0].split())


def _table(kind: type) -> str:
    meanings = _meanings(kind)
    if issubclass(kind, Row):
        return _row_table(kind, meanings)
    rows = ["| key | value | meaning |", "| --- | --- | --- |"]
    for name, hint in _hints(kind):
        rows.append(f"| `{name}` | {_spelled(hint)} | {meanings.get(name, '')} |")
    return "\n".join(rows)


def _row_table(kind: type, meanings: dict[str, str]) -> str:
    rows = ["An array of:", "", "| place | name | value | default | meaning |"]
    rows.append("| --- | --- | --- | --- | --- |")
    defaults = {each.name: each.default for each in fields(kind)}
    for place, (name, hint) in enumerate(_hints(kind)):
        default = defaults[name]
        shown = "" if default is MISSING else f"`{json.dumps(default)}`"
        meaning = meanings.get(name, "")
        rows.append(f"| {place} | {name} | {_spelled(hint)} | {shown} | {meaning} |")
    return "\n".join(rows)


def _meanings(kind: type) -> dict[str, str]:
    """Read the section `Attributes:` of a docstring."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _hints(kind: type) -> Iterator[tuple[str, object]]:
    hints = typing.get_type_hints(kind)
    return ((field.name, hints[field.name]) for field in fields(kind))


def _spelled(hint: object) -> str:
    simple = {
        bytes: "bytes",
        str: "text",
        int: "integer",
        bool: "true or false",
        types.NoneType: "null",
    }
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum)):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    if hint in simple:
        return simple[hint]
    parts = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_spelled(part) for part in parts)
    if origin is Mapping:
        return f"object of {_spelled(parts[1])}"
    if origin is tuple and parts[-1] is not Ellipsis:
        return f"[{', '.join(_spelled(part) for part in parts)}]"
    return f"array of {_spelled(parts[0])}"


def _reached(kinds: list[type]) -> list[type]:
    """Return every dataclass and enum that the kinds hold, in order of first sight."""
    seen: dict[type, None] = {}

    def visit(hint: object) -> None:
        for part in typing.get_args(hint):
            visit(part)
        is_described = isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum))
        if not is_described or hint in seen:
            return
        seen[hint] = None
        for _, inner in _hints(hint) if is_dataclass(hint) else ():
            visit(inner)

    for kind in kinds:
        visit(kind)
    return [kind for kind in seen if kind not in kinds]


def _nested(kinds: list[type]) -> list[type]:
    return [kind for kind in _reached(kinds) if is_dataclass(kind)]


def _enums(kinds: list[type]) -> list[type[Enum]]:
    return [kind for kind in _reached(kinds) if issubclass(kind, Enum)]


def _values(kind: type[Enum]) -> str:
    return "\n".join(
        f"- `{member.value}`" + (f": {RULES[member].text}" if member in RULES else "")
        for member in kind
    )


def test_the_page_on_disk_is_not_stale() -> None:
    if os.environ.get("WALCRASH_UPDATE_REFERENCE") == "1":
        PAGE.write_text(event_log_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == event_log_page(), (
        "to accept this: WALCRASH_UPDATE_REFERENCE=1 pytest tests/unit/test_report_event_log_page.py"
    )


def test_every_kind_of_line_is_on_the_page() -> None:
    page = event_log_page()
    assert all(f"### {name}\n" in page for name in log._NAMES.values())
