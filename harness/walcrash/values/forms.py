"""Forms: what a value's fields say of their JSON form, where the type alone does not say it.

A field says it in its type: `seed: Annotated[int, Whole(0, 2**64 - 1)]`. Nothing here reads or
writes, so a value that is sent to a worker brings no codec with it.

Not here: how JSON is read and written by these (`codec`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

T = TypeVar("T", bound=type)

# limits
LARGEST_INTEGER: Final = 2**64
"""Whole numbers are at most so far from 0, unless a field says otherwise."""


class Row:
    """A dataclass that is written as an array of its fields, in their order.

    Fields at the end that have their defaults are left out, since a log has very many rows.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """The least and the greatest whole number of a field; a `most` of None is no bound."""

    least: int = -LARGEST_INTEGER
    most: int | None = LARGEST_INTEGER

    def __str__(self) -> str:
        """Return what a refusal calls the numbers that are allowed."""
        if self.most is not None and self.most != LARGEST_INTEGER:
            return f"a whole number, {self.least} to {self.most}"
        return "a whole number" + ("" if self.least < -1 else f", at least {self.least}")


Count = Annotated[int, Whole(0)]
"""How many of something, or a position from 0."""


@dataclass(frozen=True, slots=True)
class Real:
    """The number that a field is above, and the greatest that it may be."""

    above: float
    most: float

    def __str__(self) -> str:
        """Return what a refusal calls the numbers that are allowed."""
        return f"a number above {self.above:g}, at most {self.most:g}"


@dataclass(frozen=True, slots=True)
class Most:
    """How many bytes of a text (as UTF-8) or of bytes, or how many items, a field has at most."""

    count: int
    least: int = 0

    def __str__(self) -> str:
        """Return the limits as a refusal shows them."""
        return f"{self.least} to {self.count}" if self.least else f"at most {self.count}"


@dataclass(frozen=True, slots=True)
class As:
    """A field that is written as a value of another type.

    Attributes:
        kind: the type that stands in JSON.
        write: gives that for the field's value.
        read: gives the field's value for that; a `ValueError` says why there is none.
    """

    kind: object
    write: Callable[..., object]
    read: Callable[..., object]


class Sparse:
    """A field that stands in JSON only where it is not what it is by default."""

    __slots__ = ()


SPARSE: Final = Sparse()


class AnyText:
    """A text that may hold lone surrogates, as the name of a file does that is not UTF-8."""

    __slots__ = ()


FileName = Annotated[str, AnyText()]
"""A file's name as the system has it."""


class Encodable:
    """A text without lone surrogates, also in a format that takes them: a name, a seed, a message.

    What is written spells one out, by its number, so that it is read again.
    """

    __slots__ = ()


EncodableText = Annotated[str, Encodable()]


class Variants:
    """The classes that one field may hold, each by its name in JSON, which stands under `is`.

    The classes may be registered one by one where they are written, so that a new one takes no
    change elsewhere.
    """

    def __init__(self, classes: Mapping[str, type] | None = None) -> None:
        self.by_name = dict(classes or {})
        self.names = {kind: name for name, kind in self.by_name.items()}

    def add(self, name: str) -> Callable[[T], T]:
        """Return a class decorator that registers the class by a name."""

        def register(kind: T) -> T:
            assert name not in self.by_name, f"`{name}` is registered already"
            self.by_name[name] = kind
            self.names[kind] = name
            return kind

        return register
