"""Seeds: the same seed gives the same bytes, on any machine and any Python.

`case seed = hash(master seed, scenario, index)`. The generator uses nothing of `random.Random`
but `getrandbits`, since the algorithms behind `choice`, `shuffle` and `randrange` have changed
between Python versions while the Mersenne Twister's output has not.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_UNIT_BITS: Final = 53


def derive_seed(*parts: str | int) -> int:
    """Return 64 bits that depend on every part and on their order."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        text = f"{type(part).__name__}:{part}".encode("utf-8", "surrogateescape")
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
    return int.from_bytes(digest.digest(), "little")


class Prng:
    """The one random generator; passed in, never global."""

    __slots__ = ("_bits",)

    def __init__(self, seed: int) -> None:
        self._bits = random.Random(seed).getrandbits  # noqa: S311 - reproducible on purpose

    def below(self, bound: int) -> int:
        """Return an integer in 0 .. bound - 1, each as likely as the others."""
        if bound <= 0:
            raise ValueError(f"a bound is at least 1; found {bound}")
        width = (bound - 1).bit_length()
        while True:
            value = self._bits(width) if width else 0
            if value < bound:
                return value

    def between(self, low: int, high: int) -> int:
        """Return an integer in low .. high, both included."""
        return low + self.below(high - low + 1)

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return self._bits(_UNIT_BITS) / (1 << _UNIT_BITS)

    def data(self, length_bytes: int) -> bytes:
        """Return that many bytes."""
        return (
            self._bits(length_bytes * 8).to_bytes(length_bytes, "little") if length_bytes else b""
        )

    def choice(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[T], weights: Sequence[int]) -> T:
        """Return one of the items, each as likely as its whole-number weight says."""
        point = self.below(sum(weights))
        for item, weight in zip(items, weights, strict=True):
            point -= weight
            if point < 0:
                return item
        raise AssertionError("weights changed while one was drawn")

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in another order."""
        # Backwards, as seeds have meant it since the first version.
        return list(self.each_once(items))[::-1]

    def each_once(self, items: Sequence[T]) -> Iterator[T]:
        """Yield the items in another order; each is drawn when it is asked for."""
        rest = list(items)
        while rest:
            at = self.below(len(rest))
            rest[at], rest[-1] = rest[-1], rest[at]
            yield rest.pop()
