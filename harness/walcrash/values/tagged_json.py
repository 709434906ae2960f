"""Values as JSON and back, by the types of their fields.

What is read comes from strangers. Nothing but the types that are named in the code is ever made:
a dataclass by its own fields, an enum by its value, bytes from base64. Everything else is an
error that says where it stands.

Unlike `values.plain`, which reads what newer versions have added, this refuses whatever it does
not know, and names the class where a field may hold one of several.

Not here: what is read from where (`findings.bundle`); stored cases have a form of their own
(`case_file`).
"""

import base64
import binascii
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, TypeVar, cast

from walcrash.values.errors import UsageError
from walcrash.values.json_reader import Found

T = TypeVar("T")

# limits
ELEMENTS: Final = 2_000_000
"""Most elements of one list or object."""

LARGEST_INTEGER: Final = 2**64
"""Integers are at most so far from 0."""

_TAG: Final = "is"


def to_tagged(value: object, *, tagged: bool = False) -> object:
    """Return a value as what JSON has; `tagged` names its class, where a field allows several."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        form = {name: to_tagged(getattr(value, name), tagged=_is_open(hint))
                for name, hint in _hints(kind).items()}  # fmt: skip
        return {_TAG: kind.__name__, **form} if tagged else form
    if isinstance(value, Mapping):
        return {str(key): to_tagged(item, tagged=True) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_tagged(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((to_tagged(item) for item in value), key=repr)
    raise TypeError(f"{type(value).__name__} has no tagged form")


def from_tagged(kind: type[T], form: object, where: str) -> T:
    """Return the value of a dataclass that `to_tagged` wrote.

    Raises:
        UsageError: the form is another one; the message says what and where.
    """
    try:
        return cast("T", _read(kind, Found(form, where)))
    except RecursionError:
        raise UsageError(f"{where}: values are nested too deeply") from None


def _read(hint: Any, found: Found) -> object:
    if isinstance(hint, type) and is_dataclass(hint):
        return _read_dataclass(hint, found, is_tagged=False)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return found.member(hint)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _read_union(typing.get_args(hint), found)
    if origin is tuple:
        return _read_tuple(typing.get_args(hint), found)
    if origin is frozenset:
        (inner,) = typing.get_args(hint)
        return frozenset(_read(inner, each) for each in found.items(ELEMENTS))
    if origin is Mapping:
        return _read_mapping(typing.get_args(hint)[1], found)
    return _read_scalar(hint, found)


def _read_scalar(hint: Any, found: Found) -> object:
    if hint is bytes:
        try:
            return base64.b64decode(_text(found), validate=True)
        except (binascii.Error, ValueError):
            raise found.wrong("base64") from None
    if hint is str:
        return _text(found)
    if hint is bool:
        if not isinstance(found.value, bool):
            raise found.wrong("true or false")
        return found.value
    if hint is int:
        return found.integer(-LARGEST_INTEGER, LARGEST_INTEGER)
    if hint is float:
        return found.number(-1.0, 1e300)
    if hint is types.NoneType and found.value is None:
        return None
    raise found.wrong("nothing: values of this kind are not read")


def _text(found: Found) -> str:
    # File names may hold what is no UTF-8, as lone surrogates; so `Found.text` is too strict.
    if not isinstance(found.value, str):
        raise found.wrong("text")
    return found.value


def _read_union(kinds: tuple[Any, ...], found: Found) -> object:
    if found.value is None and types.NoneType in kinds:
        return None
    rest = [kind for kind in kinds if kind is not types.NoneType]
    if len(rest) == 1 and not (isinstance(rest[0], type) and is_dataclass(rest[0])):
        return _read(rest[0], found)
    named = {kind.__name__: kind for kind in rest if isinstance(kind, type) and is_dataclass(kind)}
    if named and isinstance(found.value, dict):
        name = found.key(_TAG).choice(tuple(named))
        return _read_dataclass(named[name], found, is_tagged=True)
    for kind in rest:
        if kind in (bool, int, float, str) and type(found.value) is kind:
            return _read_scalar(kind, found)
    raise found.wrong(f"one of {', '.join(sorted(named)) or 'the scalars'}")


def _read_tuple(kinds: tuple[Any, ...], found: Found) -> object:
    if kinds and kinds[-1] is Ellipsis:
        return tuple(_read(kinds[0], each) for each in found.items(ELEMENTS))
    items = found.items(len(kinds))
    if len(items) != len(kinds):
        raise found.wrong(f"a list of {len(kinds)}")
    return tuple(_read(kind, each) for kind, each in zip(kinds, items, strict=True))


def _read_mapping(hint: Any, found: Found) -> object:
    table = found.table()
    if len(table) > ELEMENTS:
        raise found.wrong(f"at most {ELEMENTS} keys")
    return {
        name: _read_tagged(hint, Found(value, f"{found.where}.{name}"))
        for name, value in table.items()
    }


def _read_tagged(hint: Any, found: Found) -> object:
    if isinstance(hint, type) and is_dataclass(hint):
        return _read_dataclass(hint, found, is_tagged=True)
    return _read(hint, found)


def _read_dataclass(kind: Any, found: Found, *, is_tagged: bool) -> object:
    hints = _hints(kind)
    found.check_keys(*hints, *([_TAG] if is_tagged else []))
    # An older version did not know the fields that have come since; those have defaults.
    optional = {field.name for field in fields(kind) if field.default is not MISSING}
    there = {name: hint for name, hint in hints.items() if found.has(name) or name not in optional}
    return kind(**{name: _read(hint, found.key(name)) for name, hint in there.items()})


def _is_open(hint: Any) -> bool:
    """Whether a field may hold one of several classes, so that its value has to name its own."""
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return False
    return any(isinstance(each, type) and is_dataclass(each) for each in typing.get_args(hint))


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
