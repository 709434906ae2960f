"""Shapes: for each type how it is read from JSON, how it is written, and its JSON Schema.

A shape is made once from a type and then called for each value. A dataclass is an object with
its fields in their order, a `Row` an array of them. Enums are their values, bytes are base64,
sets are sorted arrays. What else a field has to say, it says by the marks of `forms`.

Not here: texts and files (`codec`).

Source: JSON Schema, draft 2020-12.
"""

import base64
import binascii
import collections
import itertools
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from walcrash.values.forms import AnyText, As, Encodable, Most, Real, Row, Sparse, Variants, Whole

# limits
SHOWN_CHARACTERS: Final = 60
"""How much of a wrong value a message shows."""

TAG: Final = "is"
"""The key under which an object names its class, where a field may hold one of several."""

JsonSchema = dict[str, Any]
Definitions = dict[str, object]
Check = Callable[[Any], None]


class Mismatch(ValueError):
    """A JSON value is not of the type that is read.

    Attributes:
        message: what was found and what is allowed.
        place: the way to the value, such as `.boots[1].crash`.
    """

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place

    def inside(self, step: str) -> "Mismatch":
        """Return the same, seen from one step further out."""
        self.place = step + self.place
        return self


def found(value: object, allowed: object, *, place: str = "") -> Mismatch:
    """Return, to be raised, that a value is not what is allowed."""
    return Mismatch(f"found {_shown(value)}; allowed: {allowed}", place=place)


def missing(name: str, table: Mapping[str, object]) -> Mismatch:
    """Return, to be raised, that an object lacks a key."""
    return Mismatch(f"the key `{name}` is missing; found {_shown(sorted(table))}")


class Shape(NamedTuple):
    """How the values of one type are read, written and described."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    schema: Callable[[Definitions], JsonSchema]


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
        if hint in _SCALARS:
            return self._text() if hint is str else _SCALARS[hint]
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
            return _enum(hint)
        if isinstance(hint, type) and is_dataclass(hint):
            return self._row(hint) if issubclass(hint, Row) else self._object(hint)
        raise TypeError(f"{hint} has no JSON form")

    # Marks.

    def _marked(self, hint: object, marks: tuple[object, ...]) -> Shape:
        first, *more = marks
        if isinstance(first, As):
            shape = _converted(self.of(first.kind), first)
        elif isinstance(first, Variants):
            shape = self._variants(first)
        else:
            shape, more = self.of(hint), list(marks)
        for mark in more:
            shape = shape if isinstance(mark, Sparse) else _limited(shape, mark)
        return shape

    # Scalars.

    def _text(self) -> Shape:
        read = _read_any_text if self._rules.takes_surrogates else _read_text
        return Shape(read, _same, lambda _: {"type": "string"})

    # One of several.

    def _union(self, parts: tuple[Any, ...]) -> Shape:
        rest = [part for part in parts if part is not types.NoneType]
        if len(rest) > 1 and all(part in _PLAIN for part in rest):
            inner = _scalar_of(tuple(rest))
        elif len(rest) > 1:
            inner = self._variants(Variants({part.__name__: part for part in rest}))
        else:
            inner = self.of(rest[0])
        return inner if len(rest) == len(parts) else _optional(inner)

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
            items = _array(value)
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
            items = _array(value)
            if len(items) != len(shapes):
                raise Mismatch(f"found {len(items)} values; there are {len(shapes)}")
            return tuple(
                _step(shape, item, f"[{at}]")
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
            return make(
                {_step(names, name, f".{_name(name)}"): _step(items, each, f".{_name(name)}")
                 for name, each in table.items()}
            )  # fmt: skip

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
            items = _array(value)
            if len(items) < least or (len(items) > len(members) and not is_open):
                raise Mismatch(f"found {len(items)} values; there are {least} to {len(members)}")
            made = {
                name: _step(shape, item, f".{name}")
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


# What the shapes are made of.


def _same(value: Any) -> Any:
    return value


def _read_any_text(value: object) -> str:
    if type(value) is not str:
        raise found(value, "text")
    return value


def _read_text(value: object) -> str:
    text = _read_any_text(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # JSON can spell half a surrogate pair, which no file and no terminal can hold.
            raise found(value, "text without lone surrogates") from None
    return text


def _read_number(value: object) -> float:
    if (type(value) is not float and type(value) is not int) or not _is_finite(value):
        raise found(value, "a number")
    return float(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _read_truth(value: object) -> bool:
    if type(value) is not bool:
        raise found(value, "true or false")
    return value


def _read_bytes(value: object) -> bytes:
    try:
        return base64.b64decode(_read_any_text(value), validate=True)
    except (binascii.Error, ValueError) as problem:
        if isinstance(problem, Mismatch):
            raise
        raise found(value, f"base64 ({problem})") from None


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _whole(bounds: Whole) -> Shape:
    least, most = bounds.least, bounds.most

    def read(value: object) -> object:
        # The exact type: a truth value is no number.
        if type(value) is not int or value < least or (most is not None and value > most):
            raise found(value, bounds)
        return value

    return Shape(read, _same, lambda _: {"type": "integer"})


_PLAIN: Final = (str, int, float, bool)

_SCALARS: Final[Mapping[object, Shape]] = {
    str: Shape(_read_text, _same, lambda _: {"type": "string"}),
    int: _whole(Whole()),
    float: Shape(_read_number, _same, lambda _: {"type": "number"}),
    bool: Shape(_read_truth, _same, lambda _: {"type": "boolean"}),
    bytes: Shape(
        _read_bytes, _write_bytes, lambda _: {"type": "string", "contentEncoding": "base64"}
    ),
}


def _enum(kind: type[Enum]) -> Shape:
    by_value = {member.value: member for member in kind}
    values = list(by_value)

    def read(value: object) -> object:
        if type(value) is not str or value not in by_value:
            raise found(value, ", ".join(map(str, values)))
        return by_value[value]

    return Shape(read, lambda member: member.value, lambda _: {"enum": values})


def _scalar_of(kinds: tuple[type, ...]) -> Shape:
    words = {str: "text", int: "a whole number", float: "a finite number", bool: "true or false"}
    allowed = ", ".join(words[kind] for kind in kinds)

    def read(value: object) -> object:
        if type(value) not in kinds or (type(value) is float and not math.isfinite(value)):
            raise found(value, allowed)
        return _read_text(value) if type(value) is str else value

    schemas = [_SCALARS[kind] for kind in kinds]
    return Shape(read, _same, lambda made: {"anyOf": [each.schema(made) for each in schemas]})


def _optional(inner: Shape) -> Shape:
    return Shape(
        lambda value: None if value is None else inner.read(value),
        lambda value: None if value is None else inner.write(value),
        lambda made: {"anyOf": [inner.schema(made), {"type": "null"}]},
    )


def _limited(shape: Shape, mark: object) -> Shape:
    if isinstance(mark, Whole):
        return _whole(mark)
    if isinstance(mark, Real):
        return _real(mark)
    if isinstance(mark, Encodable):
        return Shape(_read_text, _same, shape.schema)
    if isinstance(mark, AnyText):
        return Shape(_read_any_text, _same, shape.schema)
    assert isinstance(mark, Most), f"{mark} is no mark of a form"
    return _sized(shape, mark)


def _real(bounds: Real) -> Shape:
    def read(value: object) -> object:
        if type(value) is not float and type(value) is not int:
            raise found(value, "a number")
        if not bounds.above < value <= bounds.most:
            raise found(value, bounds)
        return float(value)

    return Shape(read, _same, lambda _: {"type": "number"})


def _sized(inner: Shape, bounds: Most) -> Shape:
    def read(value: object) -> object:
        if type(value) in (list, dict) and not bounds.least <= len(value) <= bounds.count:  # type: ignore[arg-type]
            what = "an array" if type(value) is list else "an object"
            raise Mismatch(f"found {_shown(value)}; allowed: {what} of {bounds} items")
        made = inner.read(value)
        if isinstance(made, str | bytes):
            data = made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made
            if not bounds.least <= len(data) <= bounds.count:
                raise found(value, f"{bounds} bytes")
        return made

    return Shape(read, inner.write, inner.schema)


def _converted(inner: Shape, mark: As) -> Shape:
    def read(value: object) -> object:
        try:
            return mark.read(inner.read(value))
        except Mismatch:
            raise
        except ValueError as problem:
            raise found(value, str(problem)) from None

    return Shape(read, lambda value: inner.write(mark.write(value)), inner.schema)


def _step(shape: Shape, value: object, step: str) -> Any:
    try:
        return shape.read(value)
    except Mismatch as problem:
        raise problem.inside(step) from None


def _read_fields(members: Members, table: Mapping[str, object]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, shape, _ in members:
        if name in table:
            try:
                made[name] = shape.read(table[name])
            except Mismatch as problem:
                raise problem.inside(f".{name}") from None
    return made


def _array(value: object) -> list[object]:
    if type(value) is not list:
        raise found(value, "an array")
    return value


def read_table(value: object) -> dict[str, object]:
    """Return a value that must be an object."""
    if type(value) is not dict:
        raise found(value, "an object")
    return value


def _unknown(table: Mapping[str, object], names: list[str]) -> Mismatch:
    unknown = min(set(table) - set(names))
    return Mismatch(f"there is no key {_shown(unknown)}; allowed: {', '.join(names)}")


def _sparse_fields(kind: Any) -> dict[str, object]:
    """Return the fields that are left out where they have their default, with that."""
    hints = typing.get_type_hints(kind, include_extras=True)
    marks = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {
        each.name: each.default
        for each in fields(kind)
        if any(isinstance(mark, Sparse) for mark in marks[each.name])
    }


def _is_required(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _name(name: str) -> str:
    """Return a key as a place shows it; it may be anything."""
    return name if name.isascii() and name.isprintable() and len(name) <= 40 else _shown(name)


def _shown(value: object) -> str:
    """Return the beginning of a value, without a look at the rest of a long one."""
    if isinstance(value, list):
        value = value[:SHOWN_CHARACTERS]
    elif isinstance(value, dict):
        value = dict(itertools.islice(value.items(), SHOWN_CHARACTERS))
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):
        return "something that cannot be shown"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
