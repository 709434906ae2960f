"""What a test of the contract suite says where an adapter does not do as it must.

Not here: the tests (`contract_suite`), their rules (`conformance`).
"""

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise

from walcrash.values.record import Record, Undecodable


class Unmet(AssertionError):
    """An adapter does not do as it must; the message says what was found.

    Attributes:
        hint: what to check; empty where the rule's own hint fits.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Noted(Exception):
    """Not wrong, but to be known: the message says what."""


def require(is_met: bool, message: str, *, hint: str = "") -> None:
    """Raise unless something holds.

    Raises:
        Unmet: it does not hold; the message says what was found instead.
    """
    if not is_met:
        raise Unmet(message, hint=hint)


def require_records(
    found: Sequence[Record | Undecodable], expected: Sequence[Record], what: str
) -> None:
    """Raise unless the records are those that are expected, in their order.

    Args:
        found: what a replay yields.
        expected: what was appended.
        what: which replay, as the subject of a sentence: `a replay from 0`.

    Raises:
        Unmet: they are others.
    """
    for number, (one, other) in enumerate(zip(found, expected, strict=False), start=1):
        if one != other:
            raise Unmet(f"{what} yields as record {number} {_difference(one, other)}")
    require(
        len(found) == len(expected),
        f"{what} yields {len(found)} records, and {len(expected)} were expected",
    )


def require_growing(offsets: Sequence[int]) -> None:
    """Raise unless each offset is greater than the one before.

    Raises:
        Unmet: one is not.
    """
    for before, after in pairwise(offsets):
        require(before < after, f"an append behind offset {before} was given offset {after}")


def _difference(found: Record | Undecodable, expected: Record) -> str:
    if isinstance(found, Undecodable):
        return f"one that it cannot decode, and {_name(expected)} was appended"
    if (found.type, found.id) != (expected.type, expected.id):
        return f"{_name(found)}, and {_name(expected)} was appended"
    other = [f.name for f in fields(found) if getattr(found, f.name) != getattr(expected, f.name)]
    return f"{_name(found)} with another {' and '.join(other)} than was appended"


def _name(record: Record) -> str:
    return f"{record.type.value} {record.id!r:.80}"
