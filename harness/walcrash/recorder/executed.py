"""The stop between the execution of a program and its first instruction.

A thread that waits in `execve` for our answer is traced while it makes that call, and no longer.
It stops when the program is in place and nothing of it has run, or when the call has failed. So
what is done to the new process is done before it can notice, and the process is not traced when it
goes on.

The thread's wait for our answer must be one that only a fatal signal ends (Linux 5.19,
`SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`): the request to stop would end another one.

Not here: how the call came to us (`filter`), what is done in the stop.

Source: `ptrace(2)`: PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_EVENT_EXEC, PTRACE_EVENT_STOP.
"""

import contextlib
import ctypes
import os
import time
from collections.abc import Callable
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.processes import status_value

_DETACH: Final = 17
_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_OPTION_TRACE_EXEC: Final = 1 << 4
_EVENT_EXEC: Final = 4
_EVENT_STOP: Final = 128
_ALL: Final = 0x4000_0000
"""`__WALL`: also threads, which the wait would leave out."""


# limits
_PAUSE_SECONDS: Final = 0.0002
"""Between two polls of a thread that is not the leader of its process."""


class NotTraced(Exception):
    """A thread cannot be stopped when it executes a program; the message says why."""


def stop_after_execution(
    tid: int, let_go_on: Callable[[], object], act: Callable[[int], object]
) -> None:
    """Let a thread execute a program, and act before that runs.

    Args:
        tid: the thread, which waits in its call for an answer.
        let_go_on: gives the answer, that it may make the call; done also where it is not traced.
        act: called with the process id of the new program; not where the call fails, or where the
            process dies in it.

    Raises:
        NotTraced: the kernel refuses; the call was made unseen.
    """
    leader = leader_of(tid)
    try:
        _ptrace(_SEIZE, tid, _OPTION_TRACE_EXEC)
    except OSError as problem:
        let_go_on()
        raise NotTraced(f"ptrace: {problem.strerror}") from None
    # It may have been killed meanwhile, which the wait shows.
    with contextlib.suppress(OSError):
        _ptrace(_INTERRUPT, tid, 0)
    let_go_on()
    stopped, status = _stopped(tid, leader)
    if not os.WIFSTOPPED(status):
        return
    try:
        if status >> 16 == _EVENT_EXEC:
            act(stopped)
    finally:
        # A stop for another reason is one for a signal, which the thread is still to get.
        number = 0 if status >> 16 in (_EVENT_EXEC, _EVENT_STOP) else os.WSTOPSIG(status)
        _detach(stopped, number)


def _stopped(tid: int, leader: int) -> tuple[int, int]:
    """Wait until a thread stops or ends; return its number then, and its status.

    One that is not the leader of its process has the leader's number when it has executed a
    program, and a wait for the former number would go on for ever.
    """
    if leader == tid:
        return os.waitpid(tid, _ALL)
    while True:
        for pid in (tid, leader):
            with contextlib.suppress(ChildProcessError):
                found, status = os.waitpid(pid, _ALL | os.WNOHANG)
                if found:
                    return found, status
        if not os.path.exists(f"/proc/{leader}"):
            return leader, 0
        time.sleep(_PAUSE_SECONDS)


def leader_of(tid: int) -> int:
    """Return the process id of a thread; the thread's own number where it is gone."""
    leader = status_value(tid, "Tgid")
    return tid if leader is None else int(leader)


def _detach(pid: int, signal_number: int) -> None:
    try:
        _ptrace(_DETACH, pid, signal_number)
    except OSError:
        # It was killed in its stop; its parent learns of that when its tracer has.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, _ALL)


def _ptrace(request: int, pid: int, data: int) -> None:
    call = abi.libc.ptrace
    call.restype = ctypes.c_long
    if call(ctypes.c_long(request), pid, None, ctypes.c_void_p(data)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
