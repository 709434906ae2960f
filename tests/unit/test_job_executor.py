"""Job processes: what they are given comes back, what dies is told; no semaphore has a name."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from walcrash.campaign.executor import JobDied, JobExecutor
from walcrash.values.errors import UsageError

SECONDS = 60.0


def refuse(word: str) -> None:
    raise UsageError(word, hint="another one")


def fail() -> None:
    raise KeyError("there")


class Unsendable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def fail_unsendably() -> None:
    raise Unsendable("a", "b")


def sleep_in(directory: str) -> None:
    Path(directory, str(os.getpid())).touch()
    time.sleep(SECONDS)


@pytest.fixture
def executor() -> Iterator[JobExecutor]:
    with JobExecutor(2) as made:
        yield made
    assert not [child for child in psutil.Process().children() if "spawn_main" in _words(child)]


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_work_and_what_it_raises_come_back(executor: JobExecutor) -> None:
    assert executor.submit(pow, 2, 10).result(SECONDS) == 1024
    with pytest.raises(UsageError, match="not this") as refused:
        executor.submit(refuse, "not this").result(SECONDS)
    assert refused.value.hint == "another one"
    with pytest.raises(KeyError, match="there") as failed:
        executor.submit(fail).result(SECONDS)
    assert "in fail\n" in failed.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Unsendable: ab"):
        executor.submit(fail_unsendably).result(SECONDS)
    with pytest.raises(Exception, match=r"pickle|lambda"):
        executor.submit(lambda: 1).result(SECONDS)
    # All of that by one job, since nothing waited.
    jobs = {executor.submit(os.getpid).result(SECONDS) for _ in range(5)}
    assert len(jobs) == 1
    # Nothing that these processes share has a name in the file system.
    for pid in (os.getpid(), *jobs):
        assert "/sem." not in Path(f"/proc/{pid}/maps").read_text()


def test_a_job_that_is_killed_ends_all_work_and_nobody_waits(tmp_path: Path) -> None:
    executor = JobExecutor(2)
    futures = [executor.submit(sleep_in, str(tmp_path)) for _ in range(4)]
    deadline = time.monotonic() + SECONDS
    while len(pids := list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    for path in pids:
        os.kill(int(path.name), signal.SIGKILL)
    for future in futures:
        with pytest.raises(JobDied, match="it was killed by SIGKILL"):
            future.result(SECONDS)
    with pytest.raises(JobDied, match="it was killed by SIGKILL"):
        executor.submit(pow, 2, 10)
    executor.shutdown()


def test_work_that_has_not_begun_can_be_given_up(tmp_path: Path) -> None:
    executor = JobExecutor(1)
    first = executor.submit(sleep_in, str(tmp_path))
    second = executor.submit(pow, 2, 10)
    deadline = time.monotonic() + SECONDS
    while not (pids := list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.01)
    executor.shutdown(wait=False, cancel_futures=True)
    assert second.cancelled()
    assert not first.done()
    os.kill(int(pids[0].name), signal.SIGTERM)
    executor.shutdown(wait=True)
    assert isinstance(first.exception(), JobDied)


STARTS_THE_FIRST = """
import signal
from multiprocessing import resource_tracker
from walcrash.campaign.pool import _deaf_to_ctrl_c

def mask():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())

with _deaf_to_ctrl_c():
    # As the first process does that is started.
    resource_tracker.ensure_running()
    print(mask())
print(mask())
"""


def test_the_first_job_is_deaf_to_ctrl_c_while_it_starts_as_all_others_are() -> None:
    words = [sys.executable, "-c", STARTS_THE_FIRST]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
