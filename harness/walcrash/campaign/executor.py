"""The executor of a campaign on this machine: processes that are started afresh, without names.

Each job is a spawned process with a socket of its own; a thread for each sends it one piece of
work and waits for what comes back. Nothing of it has a name in the file system: the queues of
`concurrent.futures.ProcessPoolExecutor` need named semaphores, which stay in `/dev/shm` when all
processes of a group are killed at once (decision 0054).

A job is started when work comes and none is idle. It dies with the thread that started it, which is
the one that handed out the work.

Not here: what is run (`jobs`), how a campaign is interrupted (`pool`).

Source: `sem_overview(7)` on named semaphores; `prctl(2)`, PR_SET_PDEATHSIG.
"""

import contextlib
import errno
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from types import ModuleType
from typing import Final, NamedTuple, ParamSpec, TypeVar

from walcrash.recorder.descendants import end_with_parent

_MAIN_LOCK: Final = threading.Lock()
"""Held while `__main__` is another module: two threads may start jobs at once."""

# limits
_END_SECONDS: Final = 1.0
"""How long a job that no longer answers may take to end."""

_OBJECTS_PER_COLLECTION: Final = 20_000
"""So many objects more than before have a job look for cycles among them."""

P = ParamSpec("P")
T = TypeVar("T")

Work = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]


class JobDied(BrokenExecutor):
    """A job process has died; the message says how."""


class _Job(NamedTuple):
    """A process, and the socket to it."""

    process: SpawnProcess
    channel: Connection


class JobExecutor(Executor):
    """Runs work in up to so many processes; the first that dies ends it all."""

    def __init__(self, jobs: int) -> None:
        self._most = jobs
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="job")
        self._jobs: list[_Job] = []
        self._idle: SimpleQueue[_Job | None] = SimpleQueue()
        self._unfinished = 0
        self._lock = threading.Lock()
        self._death = ""
        self._closer: threading.Thread | None = None
        self._ending = threading.Lock()

    def submit(
        self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs
    ) -> "Future[T]":
        """Hand out one piece of work.

        Raises:
            JobDied: a job process has died before.
            OSError: no process or no thread can be started.
        """
        with self._lock:
            if self._death:
                raise JobDied(self._death)
            if len(self._jobs) < min(self._most, self._unfinished + 1):
                self._idle.put(self._start())
            self._unfinished += 1
        try:
            future = self._threads.submit(self._run, (function, arguments, named))
        except RuntimeError as problem:  # what Python says where no thread can be started
            raise OSError(errno.EAGAIN, str(problem)) from None
        future.add_done_callback(self._finish)
        return future  # type: ignore[return-value] # what comes back is what the function returned

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let each job end when no work is left; with `wait`, wait for that."""
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            self._end_jobs()
        elif self._closer is None:
            closer = threading.Thread(target=self._end_jobs)
            with contextlib.suppress(RuntimeError):  # no thread can be started; who waits does it
                closer.start()
                self._closer = closer

    def _end_jobs(self) -> None:
        self._threads.shutdown(wait=True)
        with self._ending:
            for job in self._jobs:
                # The end of its socket ends it.
                job.channel.close()
            for job in self._jobs:
                job.process.join()

    def _finish(self, _: "Future[object]") -> None:
        with self._lock:
            self._unfinished -= 1

    def _start(self) -> _Job:
        ours, theirs = multiprocessing.Pipe()
        with theirs:
            process = _JobProcess(target=serve, args=(theirs, len(self._jobs)))
            try:
                process.start()
            except OSError:
                ours.close()
                raise
        job = _Job(process, ours)
        self._jobs.append(job)
        return job

    def _run(self, work: Work) -> object:
        """Have a job do the work, in one of our threads."""
        job = self._idle.get()
        if job is None:
            self._idle.put(None)
            raise JobDied(self._death)
        try:
            # Before anything is sent: what cannot be pickled is no fault of the job's.
            data = ForkingPickler.dumps(work)
        except BaseException:
            self._idle.put(job)
            raise
        try:
            job.channel.send_bytes(data)
            answer = job.channel.recv_bytes()
        except (EOFError, OSError):
            self._bury(job)
            raise JobDied(self._death) from None
        self._idle.put(job)
        is_done, result = pickle.loads(answer)  # noqa: S301 - from our own job
        if is_done:
            return result
        raise result

    def _bury(self, job: _Job) -> None:
        """Note that a job has died, and let nobody wait for it."""
        # It may have closed its socket and live on.
        job.process.join(timeout=_END_SECONDS)
        job.process.kill()
        job.process.join()
        with self._lock:
            self._death = self._death or _how(job.process.exitcode)
        self._idle.put(None)


class _JobProcess(SpawnProcess):
    """A spawned process that does not import the program it was started from.

    `multiprocessing` has a child import the parent's `__main__`. A job needs nothing from there:
    a script without `if __name__ == "__main__"` would run once more in each job, and the command
    line would load all of its commands.
    """

    def start(self) -> None:
        with _MAIN_LOCK:
            program = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                sys.modules["__main__"] = program


def serve(channel: Connection, number: int) -> None:
    """Do what is asked for on a channel, until it ends; runs in a job process."""
    _begin(number)
    is_first = True
    while True:
        try:
            function, arguments, named = pickle.loads(channel.recv_bytes())  # noqa: S301
        except (EOFError, OSError):
            return
        if is_first:
            is_first = False
            _collect_seldom()
        try:
            answer = bytes(ForkingPickler.dumps((True, function(*arguments, **named))))
        except Exception as problem:
            answer = _failed(problem)
        try:
            channel.send_bytes(answer)
        except OSError:
            return


def _failed(problem: Exception) -> bytes:
    """Return what is sent of an exception, with its traceback as a note where there may be one."""
    problem.add_note("".join(traceback.format_exception(problem)))
    try:
        data = bytes(ForkingPickler.dumps((False, problem)))
        pickle.loads(data)  # noqa: S301 - our own; what comes back from an odd class may not
    except Exception:
        return bytes(ForkingPickler.dumps((False, RuntimeError(*problem.__notes__))))
    return data


def _begin(number: int) -> None:
    """Make this process end with its parent, leave Ctrl-C to the parent, take a processor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    keep_to_one_processor(number)
    parent = multiprocessing.parent_process()
    assert parent is not None, "a job is started by another process"
    assert parent.pid is not None, "which runs"
    end_with_parent(parent.pid)


def _collect_seldom() -> None:
    """Have the collector look seldom, and never at what is loaded by now.

    A case makes many objects and hardly a cycle: with Python's own 700 the collector took 9 % of a
    job's time.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION)


def keep_to_one_processor(number: int) -> None:
    """Stay on one processor, with all that this process starts.

    A job and its workers wait for each other all the time, and waking a process on another
    processor that sleeps costs far more than a switch on the same one: on two processors a job
    made 80 cases a second so, and 45 to 69 without.
    """
    usable = sorted(os.sched_getaffinity(0), reverse=True)
    os.sched_setaffinity(0, {usable[number % len(usable)]})


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"it was killed by {signal.Signals(-status).name}"
    return f"it ended with status {status}"
