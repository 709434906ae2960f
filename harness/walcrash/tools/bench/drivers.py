"""Drivers: what recording costs a program that speaks the driver protocol.

The example in C is built with gcc, then one boot of `engines.PUTS` appends, each synced, is
timed recorded and bare, in turns, with `open` and `close`. In both a worker passes the lines on,
so the ratio is what the interception costs and not what the protocol costs.

Not here: drivers in other languages, whose start alone takes longer than the appends.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shutil import which
from typing import Final

from walcrash.case.sandbox import Sandbox
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.scenario.file import shipped_directory
from walcrash.tools.bench import engines as bench_engines
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault
from walcrash.values.scenario import SubjectSpec

COMPILER: Final = "gcc"
SOURCE: Final = "filelog.c"

# limits
BUILD_SECONDS: Final = 120.0
"""Longest build of the example."""


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Measure the example in C, or say why that cannot be done here."""
    source = shipped_directory() / "drivers" / SOURCE
    missing = missing_compiler(source)
    recorded: tuple[float, ...] = ()
    bare: tuple[float, ...] = ()
    if not missing:
        with WorkingDirectory(parent=tempfile.gettempdir()) as work:
            subject = SubjectSpec.of_driver([build_driver(source, Path(work.path))])
            recorded, bare = _samples(subject, min(rounds, bench_engines.MOST_ROUNDS), say)
    name = "driver in C"
    return [
        Comparison(
            name="driver-recorded-c",
            ours=_series(f"{name}: {bench_engines.PUTS} puts, recorded", recorded, missing),
            other=_series(f"{name}: bare", bare, missing),
        )
    ], []


def missing_compiler(source: Path) -> str:
    """Return why the example cannot be built here; empty if it can."""
    if which(COMPILER) is None:
        return f"no {COMPILER}: apt-get install gcc libc6-dev"
    return "" if source.exists() else f"no {SOURCE} in {source.parent}"


def build_driver(source: Path, directory: Path) -> str:
    """Return the path of the built driver.

    Raises:
        HarnessFault: it cannot be built.
    """
    built = directory / "filelog"
    words = [COMPILER, "-O2", "-o", str(built), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode:
        raise HarnessFault(
            f"the example driver {source} cannot be built: {done.stderr.strip()}",
            hint="apt-get install gcc libc6-dev",
        )
    return str(built)


def _samples(
    subject: SubjectSpec, rounds: int, say: Say
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    with Sandbox() as sandbox:
        sandbox.load(subject, bench_engines.ROOM)
        puts = take_turns(
            {
                "recorded": partial(bench_engines.recorded_puts, sandbox, subject),
                "bare": partial(bench_engines.bare_puts, sandbox, subject),
            },
            rounds,
            say,
            what="driver in C, puts recorded and bare",
        )
    return puts["recorded"], puts["bare"]


def _series(name: str, samples: tuple[float, ...], missing: str) -> Series:
    return Series(name=name, unit="puts/s", better=Better.HIGHER, samples=samples, missing=missing)
