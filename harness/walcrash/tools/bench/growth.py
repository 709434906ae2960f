"""Growth: what an event costs in a trace of a million, against one in a trace of a thousand.

Time is processor time, so that a busy machine falls on it less; each sample is a process of its
own (`positions`). Where crash positions are within writes as well, an event takes three to four
times as long, so that there is one sample of the longest trace, half a minute on a quiet machine.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from walcrash.tools.bench import positions as bench_positions
from walcrash.tools.bench.positions import Passage
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault

# limits
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
"""Events of the traces; the first is what the others are held against."""

TORN_SIZES: Final = (1_000, 1_000_000)
"""Events of the traces in which there are positions within writes as well."""

EVENTS_A_SAMPLE: Final = 30_000
"""Fewest events of one sample: shorter traces are gone through more than once."""

GROWTH_ROUNDS: Final = 3
"""Most samples of each size, since one of the longest takes seconds."""

TORN_ROUNDS: Final = 1
"""Most samples of each size where crash positions are within writes."""

SAMPLE_SECONDS: Final = 600.0
"""Longest sample."""

TARGET: Final = 0.7
"""Linear is 1, and work that grows as n log n would give 0.5 from the first size to the last."""

MEMORY_MB: Final = 4.0
"""Most that the longest trace may need beyond the shortest: half a pointer an event."""


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Compare the sizes, first without positions within writes, then with them."""
    few = min(rounds, GROWTH_ROUNDS)
    comparisons, limit = _compare_sizes(SIZES, few, say, is_within_writes=False)
    torn_rounds = min(rounds, TORN_ROUNDS)
    torn_comparisons, torn_limit = _compare_sizes(
        TORN_SIZES, torn_rounds, say, is_within_writes=True
    )
    return [*comparisons, *torn_comparisons], [limit, torn_limit]


def _compare_sizes(
    sizes: Sequence[int], rounds: int, say: Say, *, is_within_writes: bool
) -> tuple[list[Comparison], Limit]:
    grown: dict[int, list[float]] = {size: [] for size in sizes}
    samples = take_turns(
        {
            str(size): partial(_sample, size, grown[size], is_within_writes=is_within_writes)
            for size in sizes
        },
        rounds,
        say,
        what=f"crash positions of up to {sizes[-1]:,} events",
    )
    where = "positions, in writes too" if is_within_writes else "positions"
    key = "cut-positions" if is_within_writes else "positions"
    many = f"{rounds} samples" if rounds > 1 else "1 sample"

    def timed(size: int) -> Series:
        return Series(
            name=f"{where}, {size:,} events ({many})",
            unit="us/event",
            better=Better.LOWER,
            samples=samples[str(size)],
        )

    comparisons = [
        Comparison(
            name=f"{key}-{size}",
            ours=timed(size),
            other=timed(sizes[0]),
            target=TARGET if size == SIZES[-1] else None,
        )
        for size in sizes[1:]
    ]
    memory = Series(
        name=f"{where}, {sizes[-1]:,} events: memory more ({many})",
        unit="MB",
        better=Better.LOWER,
        samples=tuple(grown[sizes[-1]]),
    )
    return comparisons, Limit(name=f"{key}-memory", series=memory, bound=MEMORY_MB)


def _sample(events: int, grown: list[float], *, is_within_writes: bool) -> float:
    """Return the time of an event, in microseconds; note how much memory grew."""
    passes = max(1, EVENTS_A_SAMPLE // events)
    how = "cut" if is_within_writes else "whole"
    done = subprocess.run(
        [sys.executable, "-P", "-m", bench_positions.__name__, str(events), str(passes), how],
        capture_output=True,
        text=True,
        timeout=SAMPLE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise HarnessFault(f"a trace of the bench could not be gone through: {done.stderr[-500:]}")
    passage = Passage(**json.loads(done.stdout))
    grown.append(passage.grown_mb)
    return passage.us_per_event
