"""The bench: what the harness costs against what anyone would write, as ratios of one run.

The samples of what is compared are taken in turns, A B A B, so that whatever else the machine
does falls on both. Nothing here is a test: a shared machine would make it fail.

Not here: the measurements themselves (`writes`, `cases`, `faults`, `images`, `real_trees`,
`growth`, `processes`, `engines`, `drivers`), how they are
shown (`report.bench_text`).
"""

import os
import platform
from collections.abc import Callable, Sequence
from typing import Final

from walcrash.tools.bench import cases as bench_cases
from walcrash.tools.bench import drivers as bench_drivers
from walcrash.tools.bench import engines as bench_engines
from walcrash.tools.bench import faults as bench_faults
from walcrash.tools.bench import growth as bench_growth
from walcrash.tools.bench import images as bench_images
from walcrash.tools.bench import processes as bench_processes
from walcrash.tools.bench import real_trees as bench_real_trees
from walcrash.tools.bench import writes as bench_writes
from walcrash.tools.bench.rounds import ROUNDS, Say
from walcrash.values.benchmark import Benchmark, Comparison, Limit

Part = Callable[[int, Say], tuple[Sequence[Comparison], Sequence[Limit]]]

PARTS: Final[dict[str, Part]] = {
    "writes": bench_writes.measure,
    "cases": bench_cases.measure,
    "faults": bench_faults.measure,
    "images": bench_images.measure,
    "real-trees": bench_real_trees.measure,
    "growth": bench_growth.measure,
    "processes": bench_processes.measure,
    "engines": bench_engines.measure,
    "drivers": bench_drivers.measure,
}


def run_bench(*, parts: Sequence[str] = tuple(PARTS), rounds: int = ROUNDS, say: Say) -> Benchmark:
    """Measure, a few minutes long.

    Args:
        parts: keys of `PARTS`.
        rounds: samples of everything.
        say: called with what is being measured.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    comparisons: list[Comparison] = []
    limits: list[Limit] = []
    for part in parts:
        compared, bounded = PARTS[part](rounds, say)
        comparisons += compared
        limits += bounded
    return Benchmark(machine=_machine(), comparisons=tuple(comparisons), limits=tuple(limits))


def _machine() -> dict[str, str | int]:
    return {
        "processors": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
