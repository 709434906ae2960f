"""Waiting programs: one that has started and waits for its first input is copied for each use.

What a program does before it reads its input is the same each time, and an interpreter takes a
hundred times as long for it as a fork. So one is stopped in its first read and stays there; a copy
is a fork of it that it does not know of, made in its name by `ptrace`, with streams of its own, and
goes on with that read.

Only a program is taken that can have come to know nothing yet and that a fork copies whole: one
thread, no child, no descriptor but the three streams that it was given, the working directory that
it was given, no memory that it shares, no timer, no signal that is pending, and nothing written.

Not here: that it has not looked at the directory which it will be asked about, and when copies are
made (`program_copies`).

Source: `ptrace(2)`: PTRACE_SEIZE, PTRACE_O_TRACEFORK, PTRACE_O_EXITKILL; `clone(2)`: CLONE_PARENT;
`proc(5)`: /proc/pid/syscall, fdinfo, maps, status, timers.
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
"""Room that the program's read needs for the path of a pipe, or for one of its timers."""

_TIMERS: Final = 3
"""Interval timers that a process has: of real, virtual and profiling time."""

_TIMER_BYTES: Final = 32
"""`struct itimerval`."""


class _Read(NamedTuple):
    """A read of stdin that waits.

    Attributes:
        buffer: where it puts what it reads.
        length: how much that may be.
        words: all of the call, as `/proc/pid/syscall` has it.
    """

    buffer: int
    length: int
    words: list[bytes]


class WaitingProgram:
    """A program that is stopped in its first read of stdin, until it is killed."""

    def __init__(self, pid: int, stopped: StoppedThread, read: _Read) -> None:
        """Take one that is traced and has stopped; made by `stop`.

        Raises:
            OSError: it is gone.
        """
        self.pid = pid
        self._stopped = stopped
        self._read = read
        self._buffer = stopped.get(read.buffer, _PATH_BYTES)

    @classmethod
    def stop(cls, pid: int, streams: tuple[int, int, int], *, seconds: float) -> Self:
        """Wait until a child of this process waits for its input, and stop it there for good.

        Args:
            pid: the process.
            streams: our ends of the pipes that it was given as its stdin, stdout and stderr.
            seconds: how long to wait.

        Raises:
            NotTraced: it cannot be copied, or did not come to that; the message says why.
        """
        read = _wait_for_read(pid, seconds)
        _check_whole(pid, streams)
        options = tracing.OPTION_MARKED_CALLS | tracing.OPTION_TRACE_FORK | tracing.OPTION_EXIT_KILL
        try:
            tracing.register_file()
            tracing.request(tracing.SEIZE, pid, 0, options)
            tracing.request(tracing.INTERRUPT, pid, 0, 0)
            _, status = os.waitpid(pid, tracing.ALL)
            if status >> 16 != tracing.EVENT_STOP or _call_of(pid) != read.words:
                # It may be in the handler of a signal that came meanwhile.
                raise NotTraced("it did not stop in its read")
            stopped = StoppedThread(pid)
            _check_timers(pid, stopped, read.buffer)
            return cls(pid, stopped, read)
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
            if pid <= 0:
                raise NotTraced(f"clone: {os.strerror(-pid)}")
            # Where a filter of its own answers the call, there is no such child.
            os.waitpid(pid, tracing.ALL)
        except OSError as problem:
            raise NotTraced(f"ptrace: {problem}") from None
        try:
            copied = StoppedThread(pid)
            self._give_streams(copied, streams)
            copied.repeat("read", 0, self._read.buffer, self._read.length)
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
            copied.put(self._read.buffer, path)
            copied.call("close", number)
            found = copied.call("openat", abi.AT_FDCWD & (1 << 64) - 1, self._read.buffer, flags, 0)
            if found != number:
                raise NotTraced(f"its descriptor {number} is {found}")
        # The read may bring less, and the program may know what was behind it.
        copied.put(self._read.buffer, self._buffer)


def _wait_for_read(pid: int, seconds: float) -> _Read:
    table = abi.architecture()
    if table is None:
        raise NotTraced("no table of calls for this machine")
    deadline = time.monotonic() + seconds
    last: list[bytes] = []
    while (now := time.monotonic()) < deadline:
        try:
            words, flags = _call_of(pid), _flags_of(pid, 0)
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
            read = _Read(int(words[2], 16), int(words[3], 16), words)
            if read.length < _PATH_BYTES:
                raise NotTraced(f"it reads {read.length} bytes at once")
            return read
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            raise NotTraced("it has ended")
        if len(os.listdir(f"/proc/{pid}/task")) > 1:
            raise NotTraced("it has threads")
        if flags & os.O_NONBLOCK:
            raise NotTraced("it does not wait in a read of its stdin")
        time.sleep(_PAUSE_SECONDS)
    raise NotTraced(f"it did not read its stdin within {seconds:g} seconds")


def _call_of(pid: int) -> list[bytes]:
    """Return the call that a process waits in, in words; fewer where it waits in none.

    Raises:
        OSError: it is gone, or may not be asked.
    """
    with open(f"/proc/{pid}/syscall", "rb", buffering=0) as file:
        return file.read().split()


def _flags_of(pid: int, fd: int) -> int:
    """Return how a process has a descriptor open; 0 where it has closed it.

    Raises:
        OSError: it is gone, or may not be asked.
    """
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/fdinfo/{fd}", "rb") as file:
        for line in file:
            if line.startswith(b"flags:"):
                return int(line.split()[1], 8)
    return 0


def _check_whole(pid: int, streams: tuple[int, int, int]) -> None:
    """Check that a fork copies all that a program is."""
    try:
        if len(os.listdir(f"/proc/{pid}/task")) > 1:
            raise NotTraced("it has threads")
        if below(pid):
            raise NotTraced("it has started a process")
        if {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")} != {0, 1, 2}:
            raise NotTraced("it has opened a file")
        for number, (fd, flags) in enumerate(zip(streams, _STREAMS, strict=True)):
            # Both ends of a pipe are one file.
            is_given = os.path.samestat(os.fstat(fd), os.stat(f"/proc/{pid}/fd/{number}"))
            if not is_given or _flags_of(pid, number) & ~os.O_CLOEXEC != flags:
                raise NotTraced(f"it has changed its descriptor {number}")
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
            if any(_is_shared(line.split()[1]) for line in maps):
                raise NotTraced("it has memory that its copies would share")
        with open(f"/proc/{pid}/status", "rb") as status:
            pending = [line for line in status if line.startswith((b"SigPnd:", b"ShdPnd:"))]
        if any(int(line.split()[1], 16) for line in pending):
            raise NotTraced("it has a signal that is pending")
        if os.readlink(f"/proc/{pid}/cwd") != os.getcwd():
            raise NotTraced("it has gone to another directory")
    except OSError as problem:
        raise NotTraced(f"it cannot be looked at: {problem}") from None


def _is_shared(permissions: str) -> bool:
    """Whether memory can be written to and is the same in a fork, by its entry in `maps`."""
    return permissions[1] == "w" and permissions[3] == "s"


def _check_timers(pid: int, stopped: StoppedThread, buffer: int) -> None:
    """Check that a program that has stopped has no timer: a fork has none of them."""
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/timers", "rb") as timers:
        if timers.read():
            raise NotTraced("it has a timer")
    before = stopped.get(buffer, _TIMER_BYTES)
    for which in range(_TIMERS):
        failed = stopped.call("getitimer", which, buffer)
        if failed or any(stopped.get(buffer, _TIMER_BYTES)):
            raise NotTraced("it has a timer")
    stopped.put(buffer, before)
