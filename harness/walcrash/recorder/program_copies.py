"""Copies of programs: one is started once, and each use of it has a copy of it.

A copy is taken of a program that has read nothing: no input, and nothing of the directory that it
was started on, which is empty then and looked after meanwhile. A program that cannot be copied, or
that starts in no time, is started for each use.

Not here: how a program is copied (`waiting_program`), which recoveries have copies
(`walcrash.case.sandbox`): a finding comes of none.

Source: `inotify(7)`.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from walcrash.recorder import abi
from walcrash.recorder.tracing import NotTraced
from walcrash.recorder.waiting_program import WaitingProgram

# limits
START_SECONDS: Final = 5.0
"""How long a program may take until it waits for its input."""

WORTH_SECONDS: Final = 0.003
"""How much of a processor's time a start has to take: a copy takes about two thousandths."""

_PAUSE_SECONDS: Final = 0.001
"""Between two looks at whether a copy has ended."""

_LOOKED_AT: Final = 0x0000_0FFF
"""`IN_ALL_EVENTS`."""


class CopiedProcess:
    """A copy, as `subprocess.Popen` shows a process."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        """Take a child of this process and our ends of its pipes."""
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = os.fdopen(stdin, "wb", buffering=0)
        self.stdout: IO[bytes] | None = os.fdopen(stdout, "rb", buffering=0)
        self.stderr: IO[bytes] | None = os.fdopen(stderr, "rb", buffering=0)

    def poll(self) -> int | None:
        """Return its exit status (negative: a signal); None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit status.

        Raises:
            subprocess.TimeoutExpired: it has not ended within that many seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self._reap(0 if deadline is None else os.WNOHANG)) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired((), timeout or 0.0)
            time.sleep(_PAUSE_SECONDS)
        return status

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:
                # Somebody else has waited for it.
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class _Started(NamedTuple):
    """A program that waits, and its process with our ends of its pipes, which stay open."""

    waiting: WaitingProgram
    process: subprocess.Popen[bytes]


class ProgramCopies:
    """The programs of this process that copies are made of, by their words."""

    def __init__(self) -> None:
        """Begin with none."""
        self._started: dict[tuple[str, ...], _Started] = {}

    @property
    def pids(self) -> frozenset[int]:
        """Those that have started and wait."""
        return frozenset(each.waiting.pid for each in self._started.values())

    def end(self) -> None:
        """Kill those that wait."""
        while self._started:
            _let_go(self._started.popitem()[1].process)

    def prepare(self, words: tuple[str, ...], directory: str) -> bool:
        """Start a program on a directory that is empty, and keep it where it can be copied.

        Returns:
            Whether it can.
        """
        with contextlib.suppress(OSError, ValueError), _nothing_seen_in(directory) as is_unseen:
            process = subprocess.Popen(
                (*words, directory),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                streams = (process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno())
                waiting = WaitingProgram.stop(process.pid, streams, seconds=START_SECONDS)
                is_worth = _processor_seconds(process.pid) >= WORTH_SECONDS
                if is_worth and is_unseen() and not _has_written(process.stdout, process.stderr):
                    self._started[(*words, directory)] = _Started(waiting, process)
                    return True
            except (NotTraced, OSError):
                pass
            _let_go(process)
        return False

    def start(self, words: tuple[str, ...]) -> CopiedProcess | None:
        """Return a copy of a program, by its words with the directory; None where there is none."""
        started = self._started.get(words)
        if started is None:
            return None
        pipes = [os.pipe() for _ in range(3)]
        (stdin, our_stdin), (our_stdout, stdout), (our_stderr, stderr) = pipes
        try:
            pid = started.waiting.copy((stdin, stdout, stderr))
        except NotTraced:
            _let_go(self._started.pop(words).process)
            for fd in (our_stdin, our_stdout, our_stderr):
                os.close(fd)
            return None
        finally:
            for fd in (stdin, stdout, stderr):
                os.close(fd)
        return CopiedProcess(pid, our_stdin, our_stdout, our_stderr)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """End a program, stopped or not, and close our ends of its pipes."""
    process.kill()
    with process:
        pass


def _processor_seconds(pid: int) -> float:
    """Return how much of a processor's time a process has taken.

    Raises:
        OSError: the kernel does not say.
    """
    with open(f"/proc/{pid}/schedstat", "rb") as file:
        return int(file.read().split()[0]) / 1e9


def _has_written(*streams: IO[bytes]) -> bool:
    for stream in streams:
        os.set_blocking(stream.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            if os.read(stream.fileno(), 1):
                return True
    return False


class _Watch:
    """What happens in a directory meanwhile."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self) -> bool:
        """Return whether nothing has."""
        with contextlib.suppress(BlockingIOError):
            return not os.read(self._fd, 1 << 16)
        return True


@contextlib.contextmanager
def _nothing_seen_in(directory: str) -> "Iterator[_Watch]":
    """Look after a directory.

    Raises:
        OSError: that cannot be done.
    """
    fd = abi.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    try:
        if abi.libc.inotify_add_watch(fd, os.fsencode(directory), _LOOKED_AT) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")
        yield _Watch(fd)
    finally:
        os.close(fd)
