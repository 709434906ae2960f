"""The command line as its users run it: in a directory of theirs, with an environment of its own.

`walcrash` starts a process, as a user does. `walcrash_here` runs the same command line in the
test's process, which costs a tenth: nothing has to be imported again, neither by the command
nor by its jobs. Its one job has a sandbox of its own for each command line, and what goes to a
job and back is pickled, as between processes.

Not here: that a command leaves no process and no directory behind, that it can be killed, that
its jobs take turns. Who tests that starts a process.
"""

import contextlib
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from walcrash.campaign import jobs
from walcrash.case.job import job_sandbox
from walcrash.cli import main

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "harness"
PLANTED = ROOT / "scenarios" / "planted"

SECONDS = 120.0

T = TypeVar("T")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command: this checkout, 100 columns, and what is named."""
    needed = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES), "COLUMNS": "100"}
    return {**needed, **more}


def inherited() -> dict[str, str]:
    """Return the tests' own environment, with this checkout: for engines that are found by it."""
    return {**os.environ, **environment()}


def walcrash(
    directory: Path, *words: str, seconds: float = SECONDS, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run `walcrash` with these words to its end, as a process."""
    return subprocess.run(
        [sys.executable, "-m", "walcrash", *words],
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def walcrash_here(
    directory: Path, *words: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run `walcrash` with these words to its end, in this process; also its jobs."""
    # It serves this process, and would be taken for a child that the command left behind.
    resource_tracker.ensure_running()
    with (
        contextlib.chdir(directory),
        mock.patch.dict(os.environ, environment(**variables), clear=True),
        mock.patch.object(jobs, "JobExecutor", InThisProcess),
        # Where controls fail in several jobs, they are run again in one.
        mock.patch("walcrash.cli.run.usable_cpus", return_value=1),
        _captured() as (out, err),
    ):
        code = main(list(words))
    return subprocess.CompletedProcess(list(words), code, _text(out), _text(err))


class InThisProcess(Executor):
    """An executor whose one job is this process; the job's sandbox begins and ends with it."""

    def __init__(self, _count: int, **_process: object) -> None:
        _end_sandbox()  # of a test that ran cases by itself

    def submit(self, function: Callable[..., T], /, *arguments: Any, **named: Any) -> "Future[T]":
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            function, arguments, named = _sent((function, arguments, named))
            future.set_result(_sent(function(*arguments, **named)))
        except Exception as problem:
            future.set_exception(_sent(problem))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        _end_sandbox()


def _end_sandbox() -> None:
    if job_sandbox.cache_info().currsize:
        job_sandbox().close()
        job_sandbox.cache_clear()


def _sent(value: T) -> T:
    """Return a value as it comes out of another process."""
    sent: T = pickle.loads(pickle.dumps(value))
    return sent


@contextlib.contextmanager
def _captured() -> "Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]":
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8")
