"""Reading JSON that others wrote: a value, and the way to it for the message.

A stored case may have been edited by hand or sent by a stranger. Each reader here either
returns a value of the type that it is named for, or an error that says where it looked, what it
found and what is allowed.

Not here: what the keys mean (`case_file`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar, cast

from walcrash.values.errors import UsageError

# limits
SHOWN_CHARACTERS: Final = 60
"""How much of a wrong value a message shows."""

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Found:
    """A value of a JSON document, and where it stands, such as `case.boots[0].crash`."""

    value: object
    where: str

    def wrong(self, allowed: str) -> UsageError:
        """Return, to be raised, the error that this value is not what is allowed."""
        return UsageError(f"{self.where}: found {_shown(self.value)}; allowed: {allowed}")

    def table(self) -> Mapping[str, object]:
        """Return the value as an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return cast("dict[str, object]", self.value)

    def has(self, name: str) -> bool:
        """Return whether the object has the key."""
        return name in self.table()

    def key(self, name: str) -> "Found":
        """Return the value of a key that must be there."""
        table = self.table()
        if name not in table:
            raise UsageError(f"{self.where}: the key `{name}` is missing; found {sorted(table)}")
        return Found(table[name], f"{self.where}.{name}")

    def check_keys(self, *names: str) -> None:
        """Refuse an object with a key that is not named."""
        unknown = sorted(set(self.table()) - set(names))
        if unknown:
            raise UsageError(
                f"{self.where}: there is no key {_shown(unknown[0])}; allowed: {', '.join(names)}"
            )

    def check_format(self, known: int) -> None:
        """Refuse a newer format by name, and what is no format at all."""
        version = self.key("format").integer(1, None)
        if version > known:
            raise UsageError(
                f"{self.where}: format {version} is newer than this walcrash, "
                f"which reads format {known}",
                hint="pip install --upgrade walcrash",
            )

    def items(self, most: int) -> Sequence["Found"]:
        """Return the elements of a list of at most so many."""
        if not isinstance(self.value, list) or len(self.value) > most:
            raise self.wrong(f"a list of at most {most}")
        return [Found(each, f"{self.where}[{at}]") for at, each in enumerate(self.value)]

    def text(self) -> str:
        """Return the value as text that can be encoded."""
        if not isinstance(self.value, str):
            raise self.wrong("text")
        try:
            self.value.encode()
        except UnicodeEncodeError:
            # JSON can spell half a surrogate pair, which no file and no terminal can hold.
            raise self.wrong("text without lone surrogates") from None
        return self.value

    def integer(self, low: int, high: int | None) -> int:
        """Return the value as an integer of `low` to `high`; None is no bound."""
        value = self.value
        allowed = f"a whole number, {f'at least {low}' if high is None else f'{low} to {high}'}"
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(allowed)
        if value < low or (high is not None and value > high):
            raise self.wrong(allowed)
        return value

    def number(self, above: float, high: float) -> float:
        """Return the value as a number above one bound and up to another."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("a number")
        if not above < value <= high:
            raise self.wrong(f"a number above {above:g}, at most {high:g}")
        return float(value)

    def scalar(self) -> str | int | float | bool:
        """Return the value as text, a finite number, true or false."""
        value = self.value
        if isinstance(value, str):
            return self.text()
        if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        raise self.wrong("text, a finite number, true or false")

    def choice(self, names: Sequence[str]) -> str:
        """Return the value as one of the names."""
        if not isinstance(self.value, str) or self.value not in names:
            raise self.wrong(", ".join(names))
        return self.value

    def member(self, kind: type[E]) -> E:
        """Return the member of an enum whose value this is."""
        return kind(self.choice([str(member.value) for member in kind]))


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):
        return "something that cannot be shown"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
