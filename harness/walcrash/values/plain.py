"""Values as plain JSON, and back, by their types alone.

A dataclass becomes an object with its fields in their order; a `Row` becomes an array of its
fields, without those at the end that have their defaults, since a log has very many of them.
Enums are their values, bytes are base64, sets are sorted.

Reading is as forgiving as the event log promises: keys, and places of a row, that a newer
version has added are left out; a missing one has its default, if it has one.
"""

import base64
import binascii
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TypeVar

T = TypeVar("T")


class Row:
    """A dataclass that is written as an array of its fields."""

    __slots__ = ()


class NotPlain(ValueError):
    """A JSON value is not of the type that is read; the message says where and what."""


def to_plain(value: object) -> object:
    """Return a value as what `json.dumps` takes."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Row):
        return _row(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(to_plain(item)) for item in value)
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def _row(value: Row) -> list[object]:
    assert is_dataclass(value)
    shown = [(each, getattr(value, each.name)) for each in fields(value)]
    while shown and shown[-1][0].default is not MISSING and shown[-1][1] == shown[-1][0].default:
        shown.pop()
    return [to_plain(one) for _, one in shown]


def from_plain(kind: type[T], value: object, *, where: str = "") -> T:
    """Return the value of a dataclass that `to_plain` has written.

    Args:
        kind: the dataclass.
        value: what `json.loads` gave.
        where: how messages call the place.

    Raises:
        NotPlain: the value is of another form.
    """
    return typing.cast("T", _read(kind, value, where))


def _read(hint: object, value: object, where: str) -> object:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _optional(parts, value, where)
    if origin is tuple:
        return _tuple(parts, value, where)
    if origin is frozenset:
        return frozenset(_read(parts[0], one, where) for one in _typed(list, value, where))
    if origin is not None and issubclass(origin, Mapping):
        table = _typed(dict, value, where)
        return {key: _read(parts[1], one, f"{where}.{key}") for key, one in table.items()}
    assert isinstance(hint, type), f"no value of the log has the type {hint}"
    if issubclass(hint, Enum):
        return _member(hint, value, where)
    if is_dataclass(hint):
        return _dataclass(hint, value, where)
    return _bytes(value, where) if hint is bytes else _typed(hint, value, where)


def _optional(parts: Sequence[object], value: object, where: str) -> object:
    (hint,) = (part for part in parts if part is not types.NoneType)
    return None if value is None else _read(hint, value, where)


def _tuple(parts: Sequence[object], value: object, where: str) -> object:
    items = _typed(list, value, where)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return tuple(_read(parts[0], one, f"{where}[{at}]") for at, one in enumerate(items))
    if len(items) != len(parts):
        raise NotPlain(f"{where}: found {len(items)} values; there are {len(parts)}")
    pairs = zip(parts, items, strict=True)
    return tuple(_read(part, one, f"{where}[{at}]") for at, (part, one) in enumerate(pairs))


def _dataclass(kind: type, value: object, where: str) -> object:
    known = _fields(kind)
    if issubclass(kind, Row):
        items = _typed(list, value, where)
        given = {each.name: one for (each, _), one in zip(known, items, strict=False)}
    else:
        given = _typed(dict, value, where)
    found: dict[str, object] = {}
    for each, hint in known:
        inside = f"{where}.{each.name}" if where else each.name
        if each.name in given:
            found[each.name] = _read(hint, given[each.name], inside)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise NotPlain(f"{inside}: it is missing")
    make: Callable[..., object] = kind
    return make(**found)


@cache
def _fields(kind: type) -> tuple[tuple[Field[object], object], ...]:
    hints = typing.get_type_hints(kind)
    assert is_dataclass(kind)
    return tuple((each, hints[each.name]) for each in fields(kind))


def _member(kind: type[Enum], value: object, where: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(str(member.value) for member in kind)
        raise NotPlain(f"{where}: found {_shown(value)}; allowed: {allowed}") from None


def _bytes(value: object, where: str) -> bytes:
    try:
        return base64.b64decode(_typed(str, value, where), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise NotPlain(f"{where}: this is not base64: {problem}") from None


def _typed(kind: type[T], value: object, where: str) -> T:
    # The exact type: a truth value is no number.
    if type(value) is not kind:
        raise NotPlain(f"{where}: found {_shown(value)}; allowed: {_WORDS[kind]}")
    return value


_WORDS: Mapping[type, str] = {
    str: "text", int: "a whole number", bool: "true or false", list: "an array", dict: "an object",
}  # fmt: skip


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
