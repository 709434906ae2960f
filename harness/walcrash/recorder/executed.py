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
import os
import time
from collections.abc import Callable
from typing import Final

from walcrash.recorder import tracing
from walcrash.recorder.processes import status_value
from walcrash.recorder.tracing import NotTraced

# limits
_PAUSE_SECONDS: Final = 0.0002
"""Between two polls of a thread that is not the leader of its process."""


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
        tracing.request(tracing.SEIZE, tid, 0, tracing.OPTION_TRACE_EXEC)
    except OSError as problem:
        let_go_on()
        raise NotTraced(f"ptrace: {problem.strerror}") from None
    # It may have been killed meanwhile, which the wait shows.
    with contextlib.suppress(OSError):
        tracing.request(tracing.INTERRUPT, tid, 0, 0)
    let_go_on()
    stopped, status = _stopped(tid, leader)
    if not os.WIFSTOPPED(status):
        return
    try:
        if status >> 16 == tracing.EVENT_EXEC:
            act(stopped)
    finally:
        # A stop for another reason is one for a signal, which the thread is still to get.
        own = (tracing.EVENT_EXEC, tracing.EVENT_STOP)
        number = 0 if status >> 16 in own else os.WSTOPSIG(status)
        tracing.detach(stopped, number)


def _stopped(tid: int, leader: int) -> tuple[int, int]:
    """Wait until a thread stops or ends; return its number then, and its status.

    One that is not the leader of its process has the leader's number when it has executed a
    program, and a wait for the former number would go on for ever.
    """
    if leader == tid:
        return os.waitpid(tid, tracing.ALL)
    while True:
        for pid in (tid, leader):
            with contextlib.suppress(ChildProcessError):
                found, status = os.waitpid(pid, tracing.ALL | os.WNOHANG)
                if found:
                    return found, status
        if not os.path.exists(f"/proc/{leader}"):
            return leader, 0
        time.sleep(_PAUSE_SECONDS)


def leader_of(tid: int) -> int:
    """Return the process id of a thread; the thread's own number where it is gone."""
    leader = status_value(tid, "Tgid")
    return tid if leader is None else int(leader)
