"""The pool: the job processes of one campaign, and how they are stopped.

Jobs end by themselves when no work is left. After an interrupt they get `GRACE_SECONDS` to finish
their work; a subject may hang for as long as its limits allow, so after that the jobs are killed,
and their zygotes end what they had started. So are jobs that go on for `OVERDUE_SECONDS` after the
deadline of their work; others take their place when there is more to do.

Not here: what a job runs (`jobs`), the order in which results are taken back (`work_ahead`).
"""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from functools import partial
from multiprocessing import resource_tracker
from typing import Final, ParamSpec, TypeVar

from walcrash.case.deadline import NO_DEADLINE, Deadline, TimeOver
from walcrash.case.job import run_until
from walcrash.values.activity import CASES, Activity, Watch
from walcrash.values.closeable import Closeable
from walcrash.values.errors import LIMITS_HINT, HarnessFault

MakeExecutor = Callable[[int], Executor]

GRACE_SECONDS: Final = 2.0
"""How long a job may go on after an interrupt."""

OVERDUE_SECONDS: Final = 0.5
"""How long a job may go on after a deadline."""

_POLL_SECONDS: Final = 0.1

T = TypeVar("T")
P = ParamSpec("P")


class JobPool(Closeable):
    """An executor that can be interrupted; use it with `with`.

    Attributes:
        deadline: when work that is handed out, and work that is waited for, has to end.
        activity: what the jobs do now.
        watch: is told of it while a result is waited for.
    """

    def __init__(self, make_executor: MakeExecutor, jobs: int) -> None:
        self._others = set(multiprocessing.active_children())
        self._make_executor = make_executor
        self._jobs = jobs
        self._executor: Executor | None = make_executor(jobs)
        self._interrupted_at: float | None = None
        self.deadline: Deadline = NO_DEADLINE
        self.activity: Callable[[], Activity] = lambda: CASES
        self.watch: Watch | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody asked to stop."""
        return self._interrupted_at is not None

    def interrupt(self) -> None:
        """Stop soon; safe to call from a signal handler."""
        if self._interrupted_at is None:
            self._interrupted_at = time.monotonic()

    def submit(
        self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> "Future[T]":
        """Hand out one piece of work.

        Raises:
            HarnessFault: a job process has died.
        """
        if self.deadline.is_over:
            return _late()
        try:
            with _deaf_to_ctrl_c():
                if self._executor is None:
                    self._executor = self._make_executor(self._jobs)
                if self.deadline.at is None:
                    return self._executor.submit(function, *arguments, **named)
                work = partial(function, *arguments, **named)
                return self._executor.submit(run_until, self.deadline, work)
        except BrokenExecutor as problem:
            if self._is_interrupted_by_now():
                return _cancelled()
            raise _died(problem) from None
        except OSError as problem:
            raise HarnessFault(
                f"no job process can be started: {problem.strerror}", hint=LIMITS_HINT
            ) from None

    def run(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Have one piece of work done and return what came of it.

        Raises:
            KeyboardInterrupt: an interrupt came first.
            HarnessFault: a job process has died.
            Exception: whatever the work raised.
        """
        future = self.submit(function, *arguments, **named)
        made = self.result(future)
        if made is None:
            raise KeyboardInterrupt
        return made

    def result(self, future: "Future[T]") -> T | None:
        """Wait for one result; None if an interrupt came first.

        Raises:
            TimeOver: the deadline came first.
            HarnessFault: a job process has died.
            Exception: whatever the work raised.
        """
        while True:
            try:
                return future.result(timeout=_POLL_SECONDS)
            except CancelledError:
                if self._executor is None:
                    raise TimeOver from None
                return None
            except BrokenExecutor as problem:
                if self._executor is None:
                    raise TimeOver from None
                if self._is_interrupted_by_now():
                    return None
                raise _died(problem) from None
            except TimeoutError:
                if self.watch is not None:
                    self.watch(self.activity())
                if self._is_overdue():
                    self._end_jobs()
                if self._executor is None:
                    raise TimeOver from None
                if self.is_interrupted and (future.cancel() or self._is_out_of_patience()):
                    return None

    def close(self) -> None:
        """End all jobs and wait for them."""
        if self._executor is None:
            return
        if self.is_interrupted:
            self._executor.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - self._others:
                child.join(timeout=max(0.0, self._patience_seconds()))
                child.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _is_overdue(self) -> bool:
        end = self.deadline.at
        return end is not None and time.monotonic() >= end + OVERDUE_SECONDS

    def _end_jobs(self) -> None:
        """Kill all jobs: whatever they do, it is too late."""
        if self._executor is None:
            return
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None
        for child in set(multiprocessing.active_children()) - self._others:
            child.kill()

    def _is_interrupted_by_now(self) -> bool:
        """Whether a signal that ended a job went to all of the campaign's processes."""
        if not self.is_interrupted:
            time.sleep(_POLL_SECONDS)
        return self.is_interrupted

    def _is_out_of_patience(self) -> bool:
        return self._patience_seconds() <= 0

    def _patience_seconds(self) -> float:
        assert self._interrupted_at is not None
        return self._interrupted_at + GRACE_SECONDS - time.monotonic()


@contextlib.contextmanager
def interruptible_jobs(make_executor: MakeExecutor, jobs: int) -> Iterator[JobPool]:
    """Have a pool for the length of a block; a Ctrl-C inside it interrupts the jobs too."""
    with JobPool(make_executor, jobs) as pool:
        try:
            yield pool
        except KeyboardInterrupt:
            pool.interrupt()
            raise


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let a job that starts meanwhile be deaf too, until it ignores Ctrl-C by itself."""
    # Python starts it with the first job, and takes Ctrl-C off the mask again when it has.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cancelled() -> "Future[T]":
    future: Future[T] = Future()
    future.cancel()
    future.set_running_or_notify_cancel()
    return future


def _late() -> "Future[T]":
    future: Future[T] = Future()
    future.set_exception(TimeOver())
    return future


def _died(problem: BrokenExecutor) -> HarnessFault:
    return HarnessFault(
        f"a job process died, which no scenario explains: {problem}",
        hint="walcrash doctor; dmesg | tail shows whether memory ran out",
    )
