"""Scalars: how text, numbers, bytes, truth values and enums are read, written and described.

Here are also what a shape is, and what a refusal says.

Not here: shapes of what holds other values (`codec_shapes`).

Source: JSON Schema, draft 2020-12.
"""

import base64
import binascii
import itertools
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from walcrash.values.forms import AnyText, As, Encodable, Most, Real, Whole

# limits
SHOWN_CHARACTERS: Final = 60
"""How much of a wrong value a message shows."""

JsonSchema = dict[str, Any]
Definitions = dict[str, object]


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
    return Mismatch(f"found {shown(value)}; allowed: {allowed}", place=place)


def missing(name: str, table: Mapping[str, object]) -> Mismatch:
    """Return, to be raised, that an object lacks a key."""
    return Mismatch(f"the key `{name}` is missing; found {shown(sorted(table))}")


class Shape(NamedTuple):
    """How the values of one type are read, written and described."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    schema: Callable[[Definitions], JsonSchema]


def same(value: Any) -> Any:
    """Return a value that is written as it is."""
    return value


def read_any_text(value: object) -> str:
    """Return a text, which may hold lone surrogates."""
    if type(value) is not str:
        raise found(value, "text")
    return value


def read_text(value: object) -> str:
    """Return a text that can be encoded."""
    text = read_any_text(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # JSON can spell half a surrogate pair, which no file and no terminal can hold.
            raise found(value, "text without lone surrogates") from None
    return text


def _spelled_out(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


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
        return base64.b64decode(read_any_text(value), validate=True)
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

    return Shape(read, same, lambda _: {"type": "integer"})


PLAIN: Final = (str, int, float, bool)

SCALARS: Final[Mapping[object, Shape]] = {
    str: Shape(read_text, same, lambda _: {"type": "string"}),
    int: _whole(Whole()),
    float: Shape(_read_number, same, lambda _: {"type": "number"}),
    bool: Shape(_read_truth, same, lambda _: {"type": "boolean"}),
    bytes: Shape(
        _read_bytes, _write_bytes, lambda _: {"type": "string", "contentEncoding": "base64"}
    ),
}


def enum_shape(kind: type[Enum]) -> Shape:
    """Return the shape of an enum, whose members are their values."""
    by_value = {member.value: member for member in kind}
    values = list(by_value)

    def read(value: object) -> object:
        if type(value) is not str or value not in by_value:
            raise found(value, ", ".join(map(str, values)))
        return by_value[value]

    return Shape(read, lambda member: member.value, lambda _: {"enum": values})


def scalar_of(kinds: tuple[type, ...]) -> Shape:
    """Return the shape of a field that holds one of several scalars."""
    words = {str: "text", int: "a whole number", float: "a finite number", bool: "true or false"}
    allowed = ", ".join(words[kind] for kind in kinds)

    def read(value: object) -> object:
        if type(value) not in kinds or (type(value) is float and not math.isfinite(value)):
            raise found(value, allowed)
        return read_text(value) if type(value) is str else value

    schemas = [SCALARS[kind] for kind in kinds]
    return Shape(read, same, lambda made: {"anyOf": [each.schema(made) for each in schemas]})


def optional(inner: Shape) -> Shape:
    """Return a shape that is null as well."""
    return Shape(
        lambda value: None if value is None else inner.read(value),
        lambda value: None if value is None else inner.write(value),
        lambda made: {"anyOf": [inner.schema(made), {"type": "null"}]},
    )


def limited(shape: Shape, mark: object) -> Shape:
    """Return a shape that a mark limits."""
    if isinstance(mark, Whole):
        return _whole(mark)
    if isinstance(mark, Real):
        return _real(mark)
    if isinstance(mark, Encodable):
        return Shape(read_text, _spelled_out, shape.schema)
    if isinstance(mark, AnyText):
        return Shape(read_any_text, same, shape.schema)
    assert isinstance(mark, Most), f"{mark} is no mark of a form"
    return _sized(shape, mark)


def _real(bounds: Real) -> Shape:
    def read(value: object) -> object:
        if type(value) is not float and type(value) is not int:
            raise found(value, "a number")
        if not bounds.above < value <= bounds.most:
            raise found(value, bounds)
        return float(value)

    return Shape(read, same, lambda _: {"type": "number"})


def _sized(inner: Shape, bounds: Most) -> Shape:
    def read(value: object) -> object:
        if type(value) in (list, dict) and not bounds.least <= len(value) <= bounds.count:  # type: ignore[arg-type]
            what = "an array" if type(value) is list else "an object"
            raise Mismatch(f"found {shown(value)}; allowed: {what} of {bounds} items")
        made = inner.read(value)
        if isinstance(made, str | bytes):
            data = made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made
            if not bounds.least <= len(data) <= bounds.count:
                raise found(value, f"{bounds} bytes")
        return made

    return Shape(read, inner.write, inner.schema)


def converted(inner: Shape, mark: As) -> Shape:
    """Return the shape of a field that is written as a value of another type."""

    def read(value: object) -> object:
        try:
            return mark.read(inner.read(value))
        except Mismatch:
            raise
        except ValueError as problem:
            raise found(value, str(problem)) from None

    return Shape(read, lambda value: inner.write(mark.write(value)), inner.schema)


def read_step(shape: Shape, value: object, step: str) -> Any:
    """Read a part of a value, one step further in."""
    try:
        return shape.read(value)
    except Mismatch as problem:
        raise problem.inside(step) from None


def read_array(value: object) -> list[object]:
    """Return a value that must be an array."""
    if type(value) is not list:
        raise found(value, "an array")
    return value


def read_table(value: object) -> dict[str, object]:
    """Return a value that must be an object."""
    if type(value) is not dict:
        raise found(value, "an object")
    return value


def shown(value: object) -> str:
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
