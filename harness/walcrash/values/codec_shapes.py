"""Shapes: for each type how it is read from JSON, how it is written, and its JSON Schema.

A shape is made once from a type and then called for each value. A dataclass is an object with
its fields in their order, a `Row` an array of them. Enums are their values, bytes are base64,
sets are sorted arrays. What else a field has to say, it says by the marks of `forms`.

Not here: scalars, and what a refusal says (`codec_scalars`); texts of JSON (`codec`).

Source: JSON Schema, draft 2020-12.
"""

import collections
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

from walcrash.values.codec_scalars import (
    PLAIN,
    SCALARS,
    Definitions,
    JsonSchema,
    Mismatch,
    Shape,
    converted,
    enum_shape,
    found,
    limited,
    missing,
    optional,
    read_any_text,
    read_array,
    read_step,
    read_table,
    read_text,
    same,
    scalar_of,
    shown,
)
from walcrash.values.forms import As, Row, Sparse, Variants

TAG: Final = "is"
"""The key under which an object names its class, where a field may hold one of several."""

Check = Callable[[Any], None]


Members = list[tuple[str, Shape, "Field[Any]"]]
"""The fields of a dataclass: name, shape, and what the class says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What differs from format to format.

    Attributes:
        is_open: keys, and places of a row, that are not known are skipped; else refused.
        is_complete: every key stands in JSON but those of `Sparse` fields; else what is missing
            has its default.
        takes_surrogates: texts may hold lone surrogates, as file names that are not UTF-8 do.
        checks: for a class what its fields' types cannot say; raises `Mismatch`.
    """

    is_open: bool = False
    is_complete: bool = False
    takes_surrogates: bool = False
    checks: Mapping[type, Check]


class Shapes:
    """The shapes of all types that one format has."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._made: dict[object, Shape] = {}

    def of(self, hint: object) -> Shape:
        """Return the shape of a type.

        Raises:
            TypeError: values of this type have no JSON form.
        """
        if hint not in self._made:
            self._made[hint] = self._later(hint)
            self._made[hint] = self._make(hint)
        return self._made[hint]

    def _later(self, hint: object) -> Shape:
        """Return the shape of a class that holds itself, which is made when this is called."""

        def read(value: object) -> object:
            return self._made[hint].read(value)

        def write(value: object) -> object:
            return self._made[hint].write(value)

        def schema(definitions: Definitions) -> JsonSchema:
            return self._made[hint].schema(definitions)

        return Shape(read, write, schema)

    def _make(self, hint: Any) -> Shape:
        if hint in SCALARS:
            return self._text() if hint is str else SCALARS[hint]
        origin, parts = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self._marked(parts[0], parts[1:])
        if origin in (types.UnionType, typing.Union):
            return self._union(parts)
        if origin is tuple:
            is_many = parts[-1] is Ellipsis
            return self._many(parts[0], tuple) if is_many else self._fixed(parts)
        if origin is frozenset:
            return self._set(parts[0])
        if origin is collections.Counter:
            return self._mapping(str, int, collections.Counter)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(parts[0], parts[1], dict)
        if isinstance(hint, type) and issubclass(hint, tuple):
            return self._named(hint)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return enum_shape(hint)
        if isinstance(hint, type) and is_dataclass(hint):
            return self._row(hint) if issubclass(hint, Row) else self._object(hint)
        raise TypeError(f"{hint} has no JSON form")

    # Marks.

    def _marked(self, hint: object, marks: tuple[object, ...]) -> Shape:
        first, *more = marks
        if isinstance(first, As):
            shape = converted(self.of(first.kind), first)
        elif isinstance(first, Variants):
            shape = self._variants(first)
        else:
            shape, more = self.of(hint), list(marks)
        for mark in more:
            shape = shape if isinstance(mark, Sparse) else limited(shape, mark)
        return shape

    # Scalars.

    def _text(self) -> Shape:
        read = read_any_text if self._rules.takes_surrogates else read_text
        return Shape(read, same, lambda _: {"type": "string"})

    # One of several.

    def _union(self, parts: tuple[Any, ...]) -> Shape:
        rest = [part for part in parts if part is not types.NoneType]
        if len(rest) > 1 and all(part in PLAIN for part in rest):
            inner = scalar_of(tuple(rest))
        elif len(rest) == 2 and rest[0] in SCALARS and is_dataclass(rest[1]):
            inner = self._scalar_or_object(rest[0], rest[1])
        elif len(rest) > 1:
            inner = self._variants(Variants({part.__name__: part for part in rest}))
        else:
            inner = self.of(rest[0])
        return inner if len(rest) == len(parts) else optional(inner)

    def _scalar_or_object(self, scalar: Any, kind: Any) -> Shape:
        """Return the shape of what is a scalar or a value of a class: JSON tells them apart."""
        plain, table = self.of(scalar), self.of(kind)

        def read(value: object) -> object:
            return (table if isinstance(value, dict) else plain).read(value)

        def write(value: object) -> object:
            return (table if isinstance(value, kind) else plain).write(value)

        def schema(made: Definitions) -> JsonSchema:
            return {"oneOf": [plain.schema(made), table.schema(made)]}

        return Shape(read, write, schema)

    def _variants(self, variants: Variants) -> Shape:
        def read(value: object) -> object:
            table = read_table(value)
            if TAG not in table:
                raise missing(TAG, table)
            name = table[TAG]
            if type(name) is not str or name not in variants.by_name:
                raise found(name, ", ".join(variants.by_name), place=f".{TAG}")
            inside = {key: item for key, item in table.items() if key != TAG}
            return self.of(variants.by_name[name]).read(inside)

        def write(value: object) -> object:
            kind = type(value)
            if kind not in variants.names:
                raise TypeError(f"{kind.__name__} is none of {', '.join(variants.by_name)}")
            return {TAG: variants.names[kind], **self.of(kind).write(value)}

        def schema(definitions: Definitions) -> JsonSchema:
            choices = [
                {"allOf": [self.of(kind).schema(definitions)],
                 "properties": {TAG: {"const": name}}, "required": [TAG]}
                for name, kind in variants.by_name.items()
            ]  # fmt: skip
            return {"oneOf": choices}

        return Shape(read, write, schema)

    # Several of one.

    def _many(self, hint: object, make: Callable[[list[object]], object]) -> Shape:
        one = self.of(hint)

        def read(value: object) -> object:
            items = read_array(value)
            items_read: list[object] = []
            try:
                for item in items:
                    items_read.append(one.read(item))
            except Mismatch as problem:
                raise problem.inside(f"[{len(items_read)}]") from None
            return make(items_read)

        def write(value: typing.Iterable[object]) -> object:
            return [one.write(item) for item in value]

        return Shape(read, write, lambda made: {"type": "array", "items": one.schema(made)})

    def _set(self, hint: object) -> Shape:
        listed = self._many(hint, frozenset)

        def read(value: object) -> object:
            made = listed.read(value)
            if len(made) < len(value):  # type: ignore[arg-type]
                raise found(value, "an array without repetitions")
            return made

        return Shape(read, lambda value: sorted(listed.write(value)), listed.schema)

    def _fixed(self, parts: tuple[object, ...]) -> Shape:
        shapes = [self.of(part) for part in parts]

        def read(value: object) -> object:
            items = read_array(value)
            if len(items) != len(shapes):
                raise Mismatch(f"found {len(items)} values; there are {len(shapes)}")
            return tuple(
                read_step(shape, item, f"[{at}]")
                for at, (shape, item) in enumerate(zip(shapes, items, strict=True))
            )

        def write(value: tuple[object, ...]) -> object:
            return [shape.write(item) for shape, item in zip(shapes, value, strict=True)]

        def schema(made: Definitions) -> JsonSchema:
            items = [shape.schema(made) for shape in shapes]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}

        return Shape(read, write, schema)

    def _named(self, kind: Any) -> Shape:
        """Return the shape of a `NamedTuple`: an array with a value for each of its fields."""
        listed = self._fixed(tuple(typing.get_type_hints(kind, include_extras=True).values()))
        return Shape(lambda value: kind._make(listed.read(value)), listed.write, listed.schema)

    def _mapping(self, key: object, item: object, make: Callable[..., object]) -> Shape:
        names, items = self.of(key), self.of(item)

        def read(value: object) -> object:
            table = read_table(value)
            pairs = ((name, each, f".{_name(name)}") for name, each in table.items())
            return make(
                {read_step(names, name, at): read_step(items, each, at) for name, each, at in pairs}
            )

        def write(value: Mapping[object, object]) -> object:
            return {names.write(name): items.write(each) for name, each in value.items()}

        def schema(made: Definitions) -> JsonSchema:
            return {"type": "object", "additionalProperties": items.schema(made)}

        return Shape(read, write, schema)

    # Dataclasses.

    def _object(self, kind: Any) -> Shape:
        members = self._members(kind)
        check = self._rules.checks.get(kind)
        names = {name for name, _, _ in members}
        is_open, is_complete = self._rules.is_open, self._rules.is_complete
        sparse = _sparse_fields(kind)
        required = [
            name
            for name, _, each in members
            if _is_required(each) or (is_complete and name not in sparse)
        ]

        def read(value: object) -> object:
            table = read_table(value)
            if not is_open and not table.keys() <= names:
                raise _unknown(table, [name for name, _, _ in members])
            made = _read_fields(members, table)
            for name in required:
                if name not in made:
                    raise missing(name, table)
            whole = kind(**made)
            if check is not None:
                check(whole)
            return whole

        def write(value: object) -> object:
            form = {name: shape.write(getattr(value, name)) for name, shape, _ in members}
            for name, default in sparse.items():
                if getattr(value, name) == default:
                    del form[name]
            return form

        def schema(made: Definitions) -> JsonSchema:
            if kind.__name__ not in made:
                made[kind.__name__] = {}
                made[kind.__name__] = self.describe(kind, made)
            return {"$ref": f"#/$defs/{kind.__name__}"}

        return Shape(read, write, schema)

    def describe(self, kind: Any, made: Definitions) -> JsonSchema:
        """Return the schema of a dataclass itself, those that it holds being in `made`."""
        members = self._members(kind)
        required = [name for name, _, each in members if _is_required(each)]
        inside = {name: shape.schema(made) for name, shape, _ in members}
        if issubclass(kind, Row):
            named = [{"title": name, **schema} for name, schema in inside.items()]
            return {"type": "array", "prefixItems": named, "minItems": len(required)}
        return {"type": "object", "properties": inside, "required": required}

    def _row(self, kind: Any) -> Shape:
        members = self._members(kind)
        check = self._rules.checks.get(kind)
        least = sum(_is_required(each) for _, _, each in members)
        is_open = self._rules.is_open

        def read(value: object) -> object:
            items = read_array(value)
            if len(items) < least or (len(items) > len(members) and not is_open):
                raise Mismatch(f"found {len(items)} values; there are {least} to {len(members)}")
            made = {
                name: read_step(shape, item, f".{name}")
                for (name, shape, _), item in zip(members, items, strict=False)
            }
            whole = kind(**made)
            if check is not None:
                check(whole)
            return whole

        def write(value: object) -> object:
            shown = len(members)
            while shown > least:
                name, _, each = members[shown - 1]
                if getattr(value, name) != each.default:
                    break
                shown -= 1
            return [shape.write(getattr(value, name)) for name, shape, _ in members[:shown]]

        return Shape(read, write, self._object(kind).schema)

    def _members(self, kind: Any) -> Members:
        hints = typing.get_type_hints(kind, include_extras=True)
        return [(each.name, self.of(hints[each.name]), each) for each in fields(kind)]


def _read_fields(members: Members, table: Mapping[str, object]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, shape, _ in members:
        if name in table:
            try:
                made[name] = shape.read(table[name])
            except Mismatch as problem:
                raise problem.inside(f".{name}") from None
    return made


def _unknown(table: Mapping[str, object], names: list[str]) -> Mismatch:
    unknown = min(set(table) - set(names))
    return Mismatch(f"there is no key {shown(unknown)}; allowed: {', '.join(names)}")


def _is_required(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _sparse_fields(kind: Any) -> dict[str, object]:
    """Return the fields that are left out where they have their default, with that."""
    hints = typing.get_type_hints(kind, include_extras=True)
    marks = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {
        each.name: each.default
        for each in fields(kind)
        if any(isinstance(mark, Sparse) for mark in marks[each.name])
    }


def _name(name: str) -> str:
    """Return a key as a place shows it; it may be anything."""
    return name if name.isascii() and name.isprintable() and len(name) <= 40 else shown(name)
