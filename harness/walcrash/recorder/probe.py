"""Probes: what the kernel lets the recorder do, found by doing it and not by its version.

A kernel may be new enough and a sandbox forbid it all the same; or an old one may have a
feature that its vendor brought back. So a worker is forked and watched as in a boot.

Not here: what follows from a refusal (`tools.doctor.doctor`).

Source: `seccomp(2)`, `seccomp_unotify(2)`: a flag that the kernel does not know is EINVAL,
checked before everything else that is wrong with a call.
"""

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.processes import Process
from walcrash.recorder.watch import watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import Zygote
from walcrash.values.errors import HarnessFault, Inconclusive
from walcrash.values.event import EventKind

# limits
WORKER_MEMORY_MB: Final = 256
"""Memory of a probing worker, mebibytes."""

CALL_SECONDS: Final = 10.0
"""How long a probing worker may take for one call."""

_SET_MODE_FILTER: Final = 1
_NEW_LISTENER: Final = 8
_WAIT_KILLABLE_RECV: Final = 32
_CONTENT: Final = b"walcrash doctor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interception:
    """What works; each is empty, or the reason why it does not.

    Attributes:
        interception: a worker's call is handed over and waits.
        descriptors: a worker's open files can be duplicated (`pidfd_getfd`).
        memory: a worker's memory can be read (`/proc/PID/mem`).
        recording: a created file and a write to it came out as events, with the data.
        wait_killable: `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`.
        wake_up: `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`.
    """

    interception: str
    descriptors: str
    memory: str
    recording: str
    wait_killable: str
    wake_up: str


def probe_interception(zygote: Zygote, directory: str) -> Interception:
    """Fork two workers: one whose memory is read, one that is recorded.

    Args:
        zygote: what forks them.
        directory: an empty one; a file is made in it.
    """
    wait_killable = _reason(_try_wait_killable)
    try:
        pid, listener = zygote.watch(_ENTRY, os.fsencode(directory), memory_mb=WORKER_MEMORY_MB)
    except (Inconclusive, HarnessFault) as problem:
        no = "not tried: nothing is intercepted"
        return Interception(
            interception=problem.message,
            descriptors=no,
            memory=no,
            recording=no,
            wait_killable=wait_killable,
            wake_up=no,
        )
    try:
        inspected = _inspect(pid, listener)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        zygote.finish(pid)
        os.close(listener)
    interception, descriptors, memory, wake_up = inspected
    return Interception(
        interception=interception,
        descriptors=descriptors,
        memory=memory,
        recording=_reason(lambda: _record(zygote, directory)),
        wait_killable=wait_killable,
        wake_up=wake_up,
    )


def probe_memory_limit(zygote: Zygote) -> str:
    """Return why a worker's memory is not limited, or an empty string if it is."""
    pid, channel = zygote.serve(_ALLOCATE_ENTRY, b"", memory_mb=WORKER_MEMORY_MB)
    with channel:
        channel.settimeout(CALL_SECONDS)
        try:
            answer = channel.recv(1)
        except OSError as problem:
            return f"a worker that took too much gave no answer: {problem}"
        finally:
            zygote.finish(pid)
    return "" if answer == b"L" else f"a worker got more than its {WORKER_MEMORY_MB} MB"


def write_a_file(directory: bytes) -> None:
    """Entry for a probing worker: make a file, write to it, say that it is done."""
    fd = os.open(directory + b"/probe", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, _CONTENT)
    os.close(fd)
    os.write(abi.MESSAGE_FD, b"done")


def take_too_much(_: bytes, channel: socket.socket) -> None:
    """Entry for a probing worker: ask for more than the limit, report whether it was granted."""
    try:
        bytearray(2 * WORKER_MEMORY_MB << 20)
    except MemoryError:
        channel.send(b"L")
    else:
        channel.send(b"G")


_ENTRY: Final = f"{__name__}:{write_a_file.__name__}"
_ALLOCATE_ENTRY: Final = f"{__name__}:{take_too_much.__name__}"


def _inspect(pid: int, listener: int) -> tuple[str, str, str, str]:
    """Return what is wrong with a worker that waits in its first call."""
    wake_up = _reason(lambda: fcntl.ioctl(listener, abi.NOTIF_SET_FLAGS, abi.SYNC_WAKE_UP))
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    if not poll.poll(CALL_SECONDS * 1000):
        return "a worker's call was never handed over", "", "", wake_up
    notification = bytearray(abi.NOTIFICATION.size)
    interception = _reason(lambda: fcntl.ioctl(listener, abi.NOTIF_RECV, notification))
    # Whatever the call is, there is code at its instruction pointer.
    address = int(abi.NOTIFICATION.unpack(notification)[5])
    memory = _reason(lambda: _attached(pid, lambda process: process.read(address, 1)))
    descriptors = _reason(
        lambda: _attached(pid, lambda process: os.close(process.duplicate(0)), is_blind=True)
    )
    return interception, descriptors, memory, wake_up


def _attached(pid: int, use: Callable[[Process], object], *, is_blind: bool = False) -> None:
    process = Process(pid, os.pidfd_open(pid), -1) if is_blind else Process.attach(pid)
    try:
        use(process)
    finally:
        os.close(process.pidfd)
        if not is_blind:
            os.close(process.memory)


def _record(zygote: Zygote, directory: str) -> None:
    plan = WatchPlan(crash=None, seconds_per_call=CALL_SECONDS)
    watched = watch(
        zygote,
        _ENTRY,
        os.fsencode(directory),
        directory=directory,
        plan=plan,
        memory_mb=WORKER_MEMORY_MB,
    )
    seen = [(row.kind, row.data) for row in watched.recording.rows]
    expected = [
        (EventKind.CREATE, b""),
        (EventKind.WRITE, _CONTENT),
        (EventKind.REPLY, b"done"),
    ]
    if seen != expected:
        names = ", ".join(kind.value for kind, _ in seen) or "nothing"
        raise OSError(f"a file was made and written, the trace shows {names}; {watched.output}")


def _try_wait_killable() -> None:
    """Install no filter at all, with the flag; a kernel that knows it finds that address bad."""
    try:
        abi.raw_call("seccomp", _SET_MODE_FILTER, _NEW_LISTENER | _WAIT_KILLABLE_RECV, 0)
    except OSError as problem:
        if problem.errno != errno.EFAULT:
            raise


def _reason(action: Callable[[], object], *expected: int) -> str:
    """Do it and return why it failed; an expected error number is no failure."""
    try:
        action()
    except OSError as problem:
        return "" if problem.errno in expected else f"{problem}"
    except (HarnessFault, Inconclusive) as problem:
        return problem.message
    return ""
