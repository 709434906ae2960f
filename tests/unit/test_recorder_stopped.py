"""The harness is stopped and goes on, as by Ctrl-Z, a debugger or a suspended container."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from watching import run_watched

from walcrash.recorder.zygote import Zygote

OPENS = 3000

STOPPER = """
import os, signal, sys, time
pid, cpu = int(sys.argv[1]), int(sys.argv[2])
os.sched_setaffinity(0, {cpu})
while True:
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.0002)
"""
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


def work_opens(cpu: int) -> object:
    # Late to wake, so that there is time to stop whoever has answered it.
    os.sched_setaffinity(0, {cpu})
    os.nice(19)
    found = set()
    for _ in range(OPENS):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        found.add(fd)
        os.close(fd)
    return sorted(found)


@contextmanager
def _beside(code: str, *arguments: int) -> Iterator[None]:
    words = [str(each) for each in arguments]
    process = subprocess.Popen([sys.executable, "-c", code, *words])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_an_open_is_answered_once_and_with_a_file_however_often_the_harness_is_stopped(
    fresh_zygote: Zygote, tmp_path: Path
) -> None:
    directory = tmp_path / "subject"
    directory.mkdir()
    usable = sorted(os.sched_getaffinity(0))
    ours, theirs = usable[0], usable[-1]
    os.sched_setaffinity(0, {ours})
    try:
        with _beside(BUSY, theirs), _beside(STOPPER, os.getpid(), ours):
            seen = run_watched(fresh_zygote, work_opens, directory, theirs, seconds=60.0)
    finally:
        os.sched_setaffinity(0, set(usable))
    assert seen.told == ["create f"]
    assert isinstance(seen.result, list)
    assert len(seen.result) == 1
    assert seen.result[0] > 2
