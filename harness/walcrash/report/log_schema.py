"""The event log's JSON Schema, made from the types of its lines.

One schema describes one line. Keys that it does not name are allowed, and so are lines of other
kinds, since the format lets both be added within a version.

Source: JSON Schema, draft 2020-12.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum

from walcrash.values.log import LOG_FORMAT, LogLine, line_name
from walcrash.values.plain import Row

_SIMPLE: Mapping[object, dict[str, object]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    types.NoneType: {"type": "null"},
}


def log_schema() -> dict[str, object]:
    """Return the schema of one line of an event log."""
    kinds = typing.get_args(LogLine)
    definitions: dict[str, object] = {}
    lines = []
    for kind in kinds:
        schema = _dataclass(kind, definitions)
        properties = {"line": {"const": line_name(kind)}, **_properties(schema)}
        required = ["line", *typing.cast("list[str]", schema["required"])]
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


def _properties(schema: dict[str, object]) -> dict[str, object]:
    return typing.cast("dict[str, object]", schema["properties"])


def _dataclass(kind: type, definitions: dict[str, object]) -> dict[str, object]:
    hints = typing.get_type_hints(kind)
    assert is_dataclass(kind)
    members = fields(kind)
    inside = {each.name: _schema(hints[each.name], definitions) for each in members}
    required = [each.name for each in members if _is_required(each)]
    if issubclass(kind, Row):
        named = [{"title": name, **schema} for name, schema in inside.items()]
        return {"type": "array", "prefixItems": named, "minItems": len(required)}
    return {"type": "object", "properties": inside, "required": required}


def _is_required(each: "Field[object]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _schema(hint: object, definitions: dict[str, object]) -> dict[str, object]:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}
            definitions[hint.__name__] = _dataclass(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema(part, definitions) for part in parts]}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(parts[1], definitions)}
    if origin is tuple and parts[-1] is not Ellipsis:
        items = [_schema(part, definitions) for part in parts]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    assert origin in (tuple, frozenset), f"no value of the log has the type {hint}"
    return {"type": "array", "items": _schema(parts[0], definitions)}
