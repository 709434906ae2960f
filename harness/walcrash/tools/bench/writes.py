"""Intercepted writes a second, with their data recorded, against strace on the same loop.

strace shows every write with 32 of its bytes, to `/dev/null`; the recorder reads all of them,
makes the call itself and keeps the event. Once all processes share one processor, once they
may use all.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from walcrash.recorder.environment import HERE
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.watch import watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.recorder.zygote import Zygote
from walcrash.tools.bench import writer as bench_writer
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault
from walcrash.values.event import EventKind

# limits
WRITES: Final = 4000
"""Writes in one sample."""

SAMPLE_SECONDS: Final = 60.0
"""Longest sample."""

MEMORY_MB: Final = 512

TARGETS: Final = {"pinned": 1.5, "unpinned": 5.0}

_ENTRY: Final = f"{bench_writer.__name__}:{bench_writer.write_watched.__name__}"


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Compare the recorder with strace, pinned and unpinned."""
    comparisons = []
    with WorkingDirectory() as parent:
        for pinning, target in TARGETS.items():
            everything = os.sched_getaffinity(0)
            cpus = {min(everything)} if pinning == "pinned" else everything
            with _only_on(cpus):
                comparisons.append(_compare(parent.path, pinning, target, rounds, say))
    return comparisons, ()


@contextlib.contextmanager
def _only_on(cpus: set[int]) -> Iterator[None]:
    """Let this process, and those that it starts, run on these processors only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _compare(parent: str, pinning: str, target: float, rounds: int, say: Say) -> Comparison:
    directory = f"{parent}/{pinning}"
    os.mkdir(directory)
    zygote = Zygote(HERE, directory)
    try:
        measures = {"ours": partial(_recorded, zygote, directory)}
        missing = "" if shutil.which("strace") else "strace is not installed"
        if not missing:
            measures["strace"] = partial(_traced, directory)
        samples = take_turns(measures, rounds, say, what=f"intercepted writes, {pinning}")
    finally:
        zygote.close()
    return Comparison(
        name=f"writes-{pinning}",
        ours=Series(
            name=f"intercepted writes, {pinning}",
            unit="writes/s",
            better=Better.HIGHER,
            samples=samples["ours"],
        ),
        other=Series(
            name="strace",
            unit="writes/s",
            better=Better.HIGHER,
            samples=samples.get("strace", ()),
            missing=missing,
        ),
        target=target,
    )


def _recorded(zygote: Zygote, directory: str) -> float:
    watched = watch(
        zygote,
        _ENTRY,
        f"{WRITES} {directory}/data".encode(),
        directory=directory,
        plan=WatchPlan(crash=None, seconds_per_call=SAMPLE_SECONDS),
        memory_mb=MEMORY_MB,
    )
    recording = watched.recording
    expected = WRITES + bench_writer.WARM_UP
    writes = sum(row.kind is EventKind.WRITE for row in recording.rows)
    if recording.end is not WatchEnd.EXITED or writes != expected:
        raise HarnessFault(
            f"the bench's worker was to make {expected} writes, {writes} came: "
            f"{recording.end.value}, {watched.output}"
        )
    return WRITES / float(recording.rows[-1].data)


def _traced(directory: str) -> float:
    writer = [sys.executable, "-I", "-S", bench_writer.__file__, f"{directory}/data", str(WRITES)]
    command = ["strace", "-f", "-e", "trace=write", "-o", "/dev/null", *writer]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SAMPLE_SECONDS, check=False
    )
    try:
        return WRITES / float(done.stdout)
    except ValueError:
        raise HarnessFault(
            f"strace did not run the bench's writer: {done.stderr.strip()[-500:]}",
            hint=" ".join(command),
        ) from None
