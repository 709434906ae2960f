"""The process of a driver: started, written to, listened to, ended; lines in and out.

Requests and replies are lines on pipes. What it writes to stderr is taken all the time, so that
it never has to wait for that, and passed on to our own stderr, where it is kept with the case.

Whoever runs the driver may be killed at any moment, and the driver is killed with it. It must
not see the end of its stdin before, since it may take that for a reason to close cleanly: the
driver itself holds the other end of that pipe as well, under a number that it does not know.

Not here: what a line means (`driver`, `driver_replies`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`, version 1; `prctl(2)`,
PR_SET_PDEATHSIG.
"""

import contextlib
import ctypes
import errno
import os
import resource
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Final, Protocol

from walcrash.subjects.adapter import SubjectGone
from walcrash.values.limits import STDERR_BYTES
from walcrash.values.recovery import FailureKind, death_text, failure_of_signal

# limits
LINE_BYTES: Final = 128 * 1024 * 1024
"""Longest line that is taken: the largest payload in base64, and half as much again."""

PIECE_BYTES: Final = 1 << 16
"""Taken from a pipe at once."""

SHOWN_BYTES: Final = 80
"""How much of a wrong line a message shows."""

SHOWN_STDERR_LINES: Final = 3
"""How many lines from the end of stderr a message shows."""

SHOWN_STDERR_CHARACTERS: Final = 300
"""How much of these."""

EXCHANGED_LINES: Final = 8
"""How many lines of a conversation are kept."""

EXCHANGED_BYTES: Final = 200
"""How much of each."""

LAST_WORDS_SECONDS: Final = 0.5
"""How long a driver whose stdout has ended may take to exit, so that its status is known."""

_PR_SET_PDEATHSIG: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Command:
    """What is started: the words, and the memory limit where none is inherited."""

    words: tuple[str, ...]
    memory_mb: int | None = None


class Running(Protocol):
    """A process with pipes, as `subprocess.Popen` shows it."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def poll(self) -> int | None:
        """Return its exit status (negative: a signal); None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit status."""

    def kill(self) -> None:
        """Kill it, unless it has ended."""


class Copies(Protocol):
    """Where processes come from that need not be started."""

    def start(self, words: tuple[str, ...], /) -> Running | None:
        """Return a process of these words; None where it is to be started."""


class DriverProcess:
    """One process of a driver; `start` it, and `kill` it or wait for its `exit_status`.

    Attributes:
        exchanged: the beginnings of the last lines to and from drivers of this process, for
            who explains what went wrong.
        is_attended: whether somebody kills what this process started when that is killed: the
            driver is then executed without a fork of this process, which takes a fifth of the time.
        copies: where drivers come from that need not be started; None where each is.
    """

    exchanged: ClassVar[deque[str]] = deque(maxlen=EXCHANGED_LINES)
    is_attended: ClassVar[bool] = False
    copies: ClassVar[Copies | None] = None
    _running: ClassVar[list["DriverProcess"]] = []

    def __init__(self, process: Running, words: Sequence[str]) -> None:
        self._process = process
        self._words = tuple(words)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._in = process.stdin.fileno()
        self._out = process.stdout.fileno()
        self._err = process.stderr.fileno()
        for fd in (self._in, self._out, self._err):
            os.set_blocking(fd, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)
        self._taken = bytearray()
        self._scanned = 0
        self._is_ended = False
        self._stderr = bytearray()
        self._running.append(self)

    @classmethod
    def kill_all(cls) -> None:
        """Kill all drivers that this process started and nobody waited for."""
        while cls._running:
            cls._running[-1].kill()

    @classmethod
    def start(
        cls, command: Command, directory: Path, *, sees_end_of_stdin: bool = False
    ) -> "DriverProcess":
        """Start it on a directory.

        Args:
            command: what to start.
            directory: the last word that it gets.
            sees_end_of_stdin: whether it is to notice when the process that talks with it ends.

        Raises:
            SubjectGone: it cannot be started.
        """
        words = (*command.words, str(directory))
        if cls.copies is not None and (copied := cls.copies.start(words)) is not None:
            return cls(copied, words)
        reading, writing = os.pipe()

        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if command.memory_mb is not None:
                limit_bytes = command.memory_mb << 20
                resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))

        is_attended = cls.is_attended and command.memory_mb is None
        sees_end_of_stdin |= is_attended
        try:
            process = subprocess.Popen(
                words,
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=() if sees_end_of_stdin else (writing,),
                # With something to be done between them, Python forks before it executes.
                preexec_fn=None if is_attended else prepare,  # noqa: PLW1509 - has one thread
            )
        except (OSError, ValueError) as problem:
            os.close(writing)
            raise SubjectGone(FailureKind.DIED, why_not_started(words, problem)) from None
        finally:
            os.close(reading)
        process.stdin = os.fdopen(writing, "wb", buffering=0)
        return cls(process, words)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, line: bytes, *, what: str, deadline: float) -> None:
        """Write one request, its newline included.

        Raises:
            SubjectGone: it is gone, or does not read within the time.
        """
        if self._taken:
            raise self.trouble(
                FailureKind.MALFORMED,
                f"it wrote more lines than it was asked for: {shown(self._taken)} before {what}",
            )
        self._note("sent", line)
        rest = memoryview(line)
        self._poll.register(self._in, select.POLLOUT)
        try:
            while rest:
                self._wait(deadline, f"it does not read {what}")
                try:
                    rest = rest[os.write(self._in, rest[: 1 << 20]) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise self._gone(f"before it had read {what}") from None
        finally:
            self._poll.unregister(self._in)

    def receive(self, *, what: str, silence: str, deadline: float) -> bytes:
        """Return the next line without its newline.

        Args:
            what: the request, as messages name it.
            silence: what to say where no line comes in time.
            deadline: until when to wait (`time.monotonic()`).

        Raises:
            SubjectGone: it is gone, silent, or the line is too long.
        """
        while (end := self._taken.find(b"\n", self._scanned)) < 0:
            self._scanned = len(self._taken)
            if self._is_ended:
                raise self._gone(f"in {what}")
            if self._scanned > LINE_BYTES:
                raise self._too_long(what)
            try:
                self._wait(deadline, silence)
            except MemoryError:
                raise self._too_long(what) from None
        line = bytes(self._taken[:end])
        del self._taken[: end + 1]
        self._scanned = 0
        self._note("back", line)
        return line

    def hang_up(self) -> None:
        """End its stdin, as far as that is in our hands."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            stdin.close()

    def exit_status(self, *, what: str, deadline: float) -> int:
        """Wait for its end, and return its exit status (negative: a signal).

        Raises:
            SubjectGone: it does not end within the time, or writes another line before.
        """
        while self._process.poll() is None:
            if self._is_ended:
                time.sleep(0.001)
                if time.monotonic() > deadline:
                    raise self._silent(f"it does not exit after {what}")
            else:
                self._wait(deadline, f"it does not exit after {what}", most_seconds=0.05)
        if self._taken:
            raise self.trouble(
                FailureKind.MALFORMED, f"after its reply to {what} it wrote {shown(self._taken)}"
            )
        status = self._process.wait()
        self.kill()
        return status

    def kill(self) -> None:
        """Kill it, if it is still there, and let go of its pipes."""
        with contextlib.suppress(ValueError):
            self._running.remove(self)
        self._process.kill()
        self._process.wait()
        self._drain_stderr()
        self.hang_up()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def stderr(self) -> str:
        """Return the end of what it wrote to stderr."""
        return self._stderr.decode("utf-8", "replace")

    def trouble(self, kind: FailureKind, text: str) -> SubjectGone:
        """Return the error that ends a conversation, with the end of stderr; the driver is dead."""
        self.kill()
        return SubjectGone(kind, text + last_words(self.stderr()))

    def _note(self, way: str, line: bytes) -> None:
        text = line[:EXCHANGED_BYTES].rstrip().decode("utf-8", "backslashreplace")
        self.exchanged.append(f"{way} {text}{'...' if len(line) > EXCHANGED_BYTES else ''}")

    def _wait(self, deadline: float, silence: str, *, most_seconds: float | None = None) -> None:
        """Wait until there is something to read or write, and take what there is to read."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._silent(silence)
        if most_seconds is not None:
            left = min(left, most_seconds)
        for fd, what in self._poll.poll(max(1.0, left * 1000)):
            if fd == self._out:
                self._take_output()
            elif fd == self._err:
                self._drain_stderr()
            elif fd == self._in and what & (select.POLLERR | select.POLLHUP):
                raise self._gone("before it had read the next request")

    def _take_output(self) -> None:
        piece = os.read(self._out, PIECE_BYTES)
        if piece:
            self._taken += piece
        elif not self._is_ended:
            self._is_ended = True
            self._poll.unregister(self._out)

    def _drain_stderr(self) -> None:
        while True:
            try:
                piece = os.read(self._err, PIECE_BYTES)
            except (OSError, ValueError):
                return
            if not piece:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(self._err)
                return
            self._stderr += piece
            del self._stderr[:-STDERR_BYTES]
            _pass_on(piece)

    def _silent(self, silence: str) -> SubjectGone:
        begun = f"; a line had begun: {shown(self._taken)}" if self._taken else ""
        return self.trouble(FailureKind.HUNG, f"{silence}, then killed{begun}")

    def _too_long(self, what: str) -> SubjectGone:
        length, start = len(self._taken), shown(self._taken)
        self._taken = bytearray()
        return self.trouble(
            FailureKind.MALFORMED,
            f"its reply to {what} has a line of more than {length} bytes, which are not taken; "
            f"it begins {start}",
        )

    def _gone(self, when: str) -> SubjectGone:
        """Say how it ended, which is known soon after the end of its stdout."""
        try:
            status = self._process.wait(LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            return self.trouble(FailureKind.DIED, f"it closed its stdout {when}, then killed")
        begun = f", in the middle of a line: {shown(self._taken)}" if self._taken else ""
        kind = failure_of_signal(-status) if status < 0 else FailureKind.DIED
        return self.trouble(kind, f"it {in_words(status)} {when}{begun}")


def in_words(status: int) -> str:
    """Return an exit status as `subprocess` gives it in words."""
    if status < 0:
        return death_text(-status)
    return f"exited with status {status}"


def shown(line: bytes | bytearray) -> str:
    """Return the beginning of a line as a message shows it."""
    text = repr(bytes(line[:SHOWN_BYTES]))
    return text if len(line) <= SHOWN_BYTES else f"{text}... ({len(line)} bytes)"


def last_words(stderr: str) -> str:
    """Return the end of stderr as the end of a sentence; empty if there is none."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return "; its stderr is empty"
    return (
        f"; its stderr ends: {' | '.join(lines[-SHOWN_STDERR_LINES:])[-SHOWN_STDERR_CHARACTERS:]}"
    )


def why_not_started(words: Sequence[str], problem: OSError | ValueError) -> str:
    """Return why a program cannot be started, with what to check."""
    program = words[0]
    number = problem.errno if isinstance(problem, OSError) else None
    is_there = os.path.exists(program)
    if number == errno.ENOENT and "/" not in program:
        reason = f"there is no program {program} on the PATH"
    elif number == errno.ENOENT and is_there:
        reason = f"{program} names an interpreter that is not there: {_first_line(program)}"
    elif number == errno.ENOENT:
        reason = f"there is no file {program}"
    elif number == errno.EACCES and os.path.isdir(program):
        reason = f"{program} is a directory"
    elif number == errno.EACCES:
        reason = f"{program} is not executable (chmod +x)"
    elif number == errno.ENOEXEC:
        reason = f"{program} is neither a program for this machine nor begins with #!"
    else:
        reason = f"{program}: {problem}"
    return f"it cannot be started: {reason}"


def _first_line(program: str) -> str:
    with open(program, "rb") as file:
        line = file.readline(SHOWN_BYTES)
    return shown(line.rstrip()) if line.startswith(b"#!") else "it is a program with a loader"


def _pass_on(piece: bytes) -> None:
    """Write to our own stderr, which the subject may have closed."""
    with contextlib.suppress(OSError):
        os.write(2, piece)
