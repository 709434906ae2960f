"""What processes cost: a fork from the zygote and from a fat process, the command's start."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from walcrash.case.sandbox import Sandbox
from walcrash.recorder.zygote import Zygote
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.errors import HarnessFault
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

# limits
FORKS: Final = 40
"""Forks in one sample."""

FAT_MB: Final = 256
"""What a fat process has touched: a test runner with its plugins and its data."""

START_SECONDS: Final = 0.3
"""The longest that `walcrash --help` may take."""

_MEMORY_MB: Final = 512

_FAT: Final = """
import os, sys, time
ballast = [bytes(1000) for _ in range({megabytes} * 1000)]
for line in sys.stdin:
    began = time.perf_counter()
    for _ in range({forks}):
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
    print(1e3 * (time.perf_counter() - began) / {forks}, flush=True)
"""


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Compare forks and starts."""
    return [_compare_forks(rounds, say)], [_measure_start(rounds, say)]


def _compare_forks(rounds: int, say: Say) -> Comparison:
    fat = subprocess.Popen(
        [sys.executable, "-P", "-c", _FAT.format(megabytes=FAT_MB, forks=FORKS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with Sandbox() as sandbox:
            sandbox.load(SubjectSpec("reference"), RecoveryLimits())
            samples = take_turns(
                {
                    "ours": partial(_zygote_forks, sandbox.zygote),
                    "fat": partial(_fat_forks, fat),
                },
                rounds,
                say,
                what="forks",
            )
    finally:
        fat.kill()
        fat.communicate()
    ours = "fork, exit, reap: the zygote, asked over its socket"
    other = f"fork, exit, reap: a process of {FAT_MB} MB"
    return Comparison(
        name="forks",
        ours=Series(name=ours, unit="ms", better=Better.LOWER, samples=samples["ours"]),
        other=Series(name=other, unit="ms", better=Better.LOWER, samples=samples["fat"]),
    )


def do_nothing(_payload: bytes, _channel: object) -> None:
    """Entry for a worker that is forked to be reaped."""


_ENTRY: Final = f"{__name__}:{do_nothing.__name__}"


def _zygote_forks(zygote: Zygote) -> float:
    began = time.perf_counter()
    for _ in range(FORKS):
        pid, channel = zygote.serve(_ENTRY, b"", memory_mb=_MEMORY_MB)
        channel.close()
        zygote.finish(pid)
    return 1e3 * (time.perf_counter() - began) / FORKS


def _fat_forks(fat: "subprocess.Popen[str]") -> float:
    assert fat.stdin is not None
    assert fat.stdout is not None
    fat.stdin.write("\n")
    fat.stdin.flush()
    return float(fat.stdout.readline())


def _measure_start(rounds: int, say: Say) -> Limit:
    samples = take_turns({"help": _help}, rounds, say, what="walcrash --help")
    series = Series(name="walcrash --help", unit="s", better=Better.LOWER, samples=samples["help"])
    return Limit(name="start", series=series, bound=START_SECONDS)


def _help() -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "walcrash", "--help"], capture_output=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode or os.fsencode("Usage") not in done.stdout:
        raise HarnessFault(f"walcrash --help failed: {done.stderr.decode(errors='replace')[-500:]}")
    return seconds
