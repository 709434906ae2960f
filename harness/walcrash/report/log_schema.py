"""The event log's JSON Schema, made from the types of its lines.

One schema describes one line. Keys that it does not name are allowed, and so are lines of other
kinds, since the format lets both be added within a version.

Source: JSON Schema, draft 2020-12.
"""

import typing

from walcrash.values.log import LOG, LOG_FORMAT, LogLine, line_name


def log_schema() -> dict[str, object]:
    """Return the schema of one line of an event log."""
    kinds = typing.get_args(LogLine)
    definitions: dict[str, object] = {}
    lines = []
    for kind in kinds:
        schema = LOG.describe(kind, definitions)
        properties = {"line": {"const": line_name(kind)}, **schema["properties"]}
        required = ["line", *schema["required"]]
        lines.append({**schema, "properties": properties, "required": required})
    names = [line_name(kind) for kind in kinds]
    other = {
        "type": "object",
        "description": "A line of a kind that a later version has added.",
        "properties": {"line": {"type": "string", "not": {"enum": names}}},
        "required": ["line"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of a walcrash event log",
        "description": f"Format {LOG_FORMAT}; event-log.md says what the keys mean.",
        "oneOf": [*lines, other],
        "$defs": dict(sorted(definitions.items())),
    }
