"""Waiting programs: one that has started and waits for its first input is copied for each use.

What a program does before it reads its input is the same each time, and an interpreter takes a
hundred times as long for it as a fork. So one is stopped in its first read and stays there; a copy
is a fork of it that it does not know of, made in its name by `ptrace`, with streams of its own, and
goes on with that read.

Only a program is taken that can have come to know nothing yet and that a fork copies whole: one
thread, no child, no descriptor but its three streams, the working directory that it was given, and
nothing written.

Not here: that it has not looked at the directory which it will be asked about, and when copies are
made (`program_copies`).

Source: `ptrace(2)`: PTRACE_SEIZE, PTRACE_O_TRACEFORK, PTRACE_O_EXITKILL; `clone(2)`: CLONE_PARENT;
`proc(5)`: /proc/pid/syscall.
"""

import contextlib
import os
import signal
import time
from typing import Final, NamedTuple, Self

from walcrash.recorder import abi, tracing
from walcrash.recorder.descendants import below
from walcrash.recorder.thread_call import StoppedThread
from walcrash.recorder.tracing import NotTraced

_CLONE_PARENT: Final = 0x8000

_WORDS_OF_A_CALL: Final = 9
"""What `/proc/pid/syscall` has of a call: its number, six arguments, two pointers."""

_STREAMS: Final = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
"""How a program has its stdin, stdout and stderr open."""

# limits
_PAUSE_SECONDS: Final = 0.001
"""Between two looks at whether a program waits."""

_OTHER_CALL_SECONDS: Final = 0.3
"""How long a program may wait in one other call before it is taken to wait for something else."""

_PATH_BYTES: Final = 64
"""Room that the program's read needs for the path of a pipe."""


class _Read(NamedTuple):
    """A read of stdin that waits: where it puts what it reads, and how much that may be."""

    buffer: int
    length: int


class WaitingProgram:
    """A program that is stopped in its first read of stdin, until it is killed."""

    def __init__(self, pid: int, stopped: StoppedThread, read: _Read) -> None:
        """Take one that is traced and has stopped; made by `stop`."""
        self.pid = pid
        self._stopped = stopped
        self._read = read

    @classmethod
    def stop(cls, pid: int, *, seconds: float) -> Self:
        """Wait until a child of this process waits for its input, and stop it there for good.

        Args:
            pid: the process; its stdin is a pipe.
            seconds: how long to wait.

        Raises:
            NotTraced: it cannot be copied, or did not come to that; the message says why.
        """
        read = _wait_for_read(pid, seconds)
        _check_whole(pid)
        options = tracing.OPTION_MARKED_CALLS | tracing.OPTION_TRACE_FORK | tracing.OPTION_EXIT_KILL
        try:
            tracing.register_file()
            tracing.request(tracing.SEIZE, pid, 0, options)
            tracing.request(tracing.INTERRUPT, pid, 0, 0)
            _, status = os.waitpid(pid, tracing.ALL)
            if status >> 16 != tracing.EVENT_STOP:
                raise NotTraced("it did not stop in its read")
            return cls(pid, StoppedThread(pid), read)
        except OSError as problem:
            raise NotTraced(f"ptrace: {problem}") from None

    def copy(self, streams: tuple[int, int, int]) -> int:
        """Make a copy that goes on with its read; return its process id.

        It is a child of this process.

        Args:
            streams: the ends of pipes in this process that are its stdin, stdout and stderr.

        Raises:
            NotTraced: it cannot be made.
        """
        try:
            pid = self._stopped.call("clone", _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
            if pid < 0:
                raise NotTraced(f"clone: {os.strerror(-pid)}")
        except OSError as problem:
            raise NotTraced(f"ptrace: {problem}") from None
        try:
            os.waitpid(pid, tracing.ALL)
            copied = StoppedThread(pid)
            self._give_streams(copied, streams)
            copied.repeat("read", 0, *self._read)
        except (OSError, NotTraced) as problem:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            raise NotTraced(f"ptrace: {problem}") from None
        tracing.detach(pid, 0)
        return pid

    def _give_streams(self, copied: StoppedThread, streams: tuple[int, int, int]) -> None:
        """Have a copy open pipes of this process as its three streams."""
        here = os.getpid()
        for number, (fd, flags) in enumerate(zip(streams, _STREAMS, strict=True)):
            path = f"/proc/{here}/fd/{fd}\0".encode()
            # What lies there is what the read overwrites.
            copied.put(self._read.buffer, path)
            copied.call("close", number)
            found = copied.call("openat", abi.AT_FDCWD & (1 << 64) - 1, self._read.buffer, flags, 0)
            if found != number:
                raise NotTraced(f"its descriptor {number} is {found}")


def _wait_for_read(pid: int, seconds: float) -> _Read:
    table = abi.architecture()
    if table is None:
        raise NotTraced("no table of calls for this machine")
    deadline = time.monotonic() + seconds
    last: list[bytes] = []
    while (now := time.monotonic()) < deadline:
        try:
            with open(f"/proc/{pid}/syscall", "rb", buffering=0) as file:
                words = file.read().split()
        except OSError as problem:
            raise NotTraced(f"its calls cannot be read: {problem}") from None
        if words != last or len(words) < _WORDS_OF_A_CALL:
            last, since = words, now
        elif now - since > _OTHER_CALL_SECONDS:
            raise NotTraced("it waits for something else than its stdin")
        if (
            len(words) == _WORDS_OF_A_CALL
            and int(words[0]) == table.numbers["read"]
            and int(words[1], 16) == 0
        ):
            read = _Read(int(words[2], 16), int(words[3], 16))
            if read.length < _PATH_BYTES:
                raise NotTraced(f"it reads {read.length} bytes at once")
            return read
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            raise NotTraced("it has ended")
        if len(os.listdir(f"/proc/{pid}/task")) > 1:
            raise NotTraced("it has threads")
        time.sleep(_PAUSE_SECONDS)
    raise NotTraced(f"it did not read its stdin within {seconds:g} seconds")


def _check_whole(pid: int) -> None:
    """Check that a fork copies all that a program is."""
    try:
        if len(os.listdir(f"/proc/{pid}/task")) > 1:
            raise NotTraced("it has threads")
        if below(pid):
            raise NotTraced("it has started a process")
        if {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")} != {0, 1, 2}:
            raise NotTraced("it has opened a file")
        if os.readlink(f"/proc/{pid}/cwd") != os.getcwd():
            raise NotTraced("it has gone to another directory")
    except OSError as problem:
        raise NotTraced(f"it cannot be looked at: {problem}") from None
