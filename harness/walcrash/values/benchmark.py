"""Benchmarks: samples of what was measured, and ratios of what was measured side by side.

A rate on a shared machine says little; a ratio of two medians, whose samples were taken in
turns, says how much one is worth against the other.

Not here: measuring (`tools.bench.bench`).
"""

import statistics
from dataclasses import dataclass, field
from enum import Enum


class Better(Enum):
    """Which way is good."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One thing that was measured, round after round.

    Attributes:
        name: what was measured.
        unit: of each sample.
        better: which way is good.
        samples: one a round, in order.
        missing: why there are no samples; empty if there are.
    """

    name: str
    unit: str
    better: Better
    samples: tuple[float, ...] = ()
    missing: str = ""

    @property
    def median(self) -> float | None:
        """The middle sample; None without any."""
        return statistics.median(self.samples) if self.samples else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ours against something else, in one run.

    Attributes:
        name: what is compared, a stable key for scripts.
        ours: the series that should be the better one.
        other: what it is compared with.
        target: how many times better it should be; None where nothing is asked for.
    """

    name: str
    ours: Series
    other: Series
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the other; None if one was not measured."""
        ours, other = self.ours.median, self.other.median
        if not ours or not other:
            return None
        return ours / other if self.ours.better is Better.HIGHER else other / ours

    @property
    def is_met(self) -> bool | None:
        """Whether the target is reached; None if there is none, or no ratio."""
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One series that has to stay below a bound, in the series' unit."""

    name: str
    series: Series
    bound: float

    @property
    def is_met(self) -> bool | None:
        """Whether the median is below the bound; None if nothing was measured."""
        median = self.series.median
        return None if median is None else median < self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One run of the bench: where it ran, and what came out."""

    machine: dict[str, str | int]
    comparisons: tuple[Comparison, ...]
    limits: tuple[Limit, ...] = field(default=())
