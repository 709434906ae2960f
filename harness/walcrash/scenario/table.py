"""What the tables of a scenario file have in common: how a value is read and described.

pydantic is imported here, in `schema` and in `fault_table`, and nowhere else.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# limits
LIST_NAMES: Final = 100
"""Most names in one list of names."""

WEIGHT: Final = 1_000_000
"""Largest weight of anything that is drawn."""


class Read:
    """How a value of the file is read, and how the JSON Schema describes it."""

    def __init__(self, read: Callable[[object], object], described: dict[str, object]) -> None:
        self.read = read
        self.described = described

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(self.described)


def name_of(names: tuple[str, ...], read: Callable[[str], object] = str) -> Read:
    """Read one of the names."""

    def checked(value: object) -> object:
        if not isinstance(value, str) or value not in names:
            raise PydanticCustomError("choice", "not one of the names", {"names": list(names)})
        return read(value)

    return Read(checked, {"type": "string", "enum": list(names)})


def number_of(numbers: tuple[int, ...]) -> Read:
    """Read one of some whole numbers."""

    def checked(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or value not in numbers:
            names = [str(number) for number in numbers]
            raise PydanticCustomError("choice", "not one of the numbers", {"names": names})
        return value

    return Read(checked, {"type": "integer", "enum": list(numbers)})


def range_of(low: int, high: int) -> Read:
    """Read `3` as (3, 3) and `[1, 3]` as (1, 3)."""
    allowed = f"a whole number of {low} to {high}, or the fewest and the most as a list of two"

    def checked(value: object) -> tuple[int, int]:
        found: list[object] = value if isinstance(value, list) else [value, value]
        # `type` and not `isinstance`, since true and false are instances of int.
        ends = [end for end in found if type(end) is int and low <= end <= high]
        if len(found) != 2 or len(ends) != 2 or ends[0] > ends[1]:
            raise PydanticCustomError("range", "not a range", {"allowed": allowed})
        return (ends[0], ends[1])

    number = {"type": "integer", "minimum": low, "maximum": high}
    two_numbers = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    return Read(checked, {"anyOf": [number, two_numbers]})


def member_of(kind: type[Enum]) -> Read:
    """Read the value of a member of an enum."""
    return name_of(tuple(str(member.value) for member in kind), kind)


class Table(BaseModel):
    """A table of the file: nothing is converted silently, nothing unknown is accepted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
