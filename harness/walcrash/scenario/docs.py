"""The reference page of the scenario file, made from its schema.

A test fails when the page on disk differs; `python -m walcrash.scenario.docs` writes it.

Not here: the words themselves, which are the descriptions in `schema`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from walcrash.scenario.schema import TABLES, schema_json

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "scenario.md"

_INTRODUCTION: Final = """\
# Scenario file

A scenario is a TOML file that names a subject, a workload, faults, invariants and a budget.
Its name is the file's name without `.toml`.
`walcrash run FILE` checks it first and reports all its problems at once, each with its line.
This page is made from the schema in `harness/walcrash/scenario/schema.py` and `fault_table.py`.

```toml
format = 1
name = "my-first"
summary = "Kills in the middle of writes, on two boots."

[subject]
adapter = "reference"

[workload]
boots = 2
operations = [5, 20]

[workload.mix]
put = 5
done = 3
apply = 1

[[faults]]
kind = "kill"
event = "write"
placements = ["within"]
```
"""

_LISTS: Final = {("faults",), ("workload", "phases"), ("pinned",)}
"""The tables that are lists of tables."""


def scenario_reference() -> str:
    """Return the page as Markdown: a section for each table, a row for each key."""
    schema = schema_json()
    definitions = cast("Mapping[str, Mapping[str, object]]", schema["$defs"])
    sections = [_INTRODUCTION]
    for place, table in TABLES.items():
        described = definitions[table.__name__] if place else schema
        sections.append("\n".join(_section(place, described)))
    return "\n".join(sections)


def _section(place: tuple[str, ...], described: Mapping[str, object]) -> Iterator[str]:
    name = ".".join(place)
    heading = f"`[[{name}]]`" if place in _LISTS else f"`[{name}]`"
    yield f"## {heading if place else 'Top level'}"
    yield ""
    yield str(described["description"])
    yield ""
    yield "| key | holds | default | meaning |"
    yield "|---|---|---|---|"
    required = cast("list[str]", described.get("required", []))
    properties = cast("Mapping[str, Mapping[str, object]]", described["properties"])
    for key, field in properties.items():
        default = "required" if key in required else _default(key, field)
        yield f"| `{key}` | {_holds(field)} | {default} | {field.get('description', '')} |"
    yield ""


def _default(key: str, field: Mapping[str, object]) -> str:
    value = field.get("default")
    if key == "check":
        return '`"all"`'
    # What a table holds by default is in its own section.
    return "" if value is None or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _holds(field: Mapping[str, object]) -> str:
    if "enum" in field:
        return ", ".join(f"`{json.dumps(name)}`" for name in cast("list[str]", field["enum"]))
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "$ref" in field:
        return "table"
    if "anyOf" in field:
        choices = cast("list[Mapping[str, object]]", field["anyOf"])
        return " or ".join(_holds(each) for each in choices if each.get("type") != "null")
    if field.get("type") == "array":
        return _list(field)
    if field.get("type") == "boolean":
        return "true or false"
    if field.get("type") == "object":
        return "table of text, numbers, true or false"
    return _scalar(field)


def _list(field: Mapping[str, object]) -> str:
    items = cast("Mapping[str, object]", field["items"])
    if field.get("minItems") == field.get("maxItems"):
        return f"list of {field['minItems']}: fewest and most"
    return "tables" if "$ref" in items else f"list of {_holds(items)}"


def _scalar(field: Mapping[str, object]) -> str:
    name = {"integer": "whole number", "number": "number", "string": "text"}[str(field["type"])]
    bounds = [
        f"{word} {field[key]:,}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
        )
        if key in field
    ]
    return " ".join([name, *bounds])


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(scenario_reference(), encoding="utf-8")
