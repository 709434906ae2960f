"""Rounds: samples of several things, taken in turns."""

from collections.abc import Callable, Mapping
from typing import Final

ROUNDS: Final = 7
"""Samples of everything that is compared; odd, so that the median is one of them."""

Say = Callable[[str], object]
Measure = Callable[[], float]


def take_turns(
    measures: Mapping[str, Measure], rounds: int, say: Say, *, what: str
) -> dict[str, tuple[float, ...]]:
    """Take one sample of each, then the next of each, and so on; return them by name."""
    samples: dict[str, list[float]] = {name: [] for name in measures}
    say(f"{what}: {rounds} rounds")
    for _ in range(rounds):
        for name, measure in measures.items():
            samples[name].append(measure())
    return {name: tuple(taken) for name, taken in samples.items()}
