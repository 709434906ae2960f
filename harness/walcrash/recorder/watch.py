"""One boot under watch, from the fork of its worker to the last process reaped."""

import contextlib
import fcntl
import os
import signal
from dataclasses import dataclass

from walcrash.recorder import abi
from walcrash.recorder.calls import handlers
from walcrash.recorder.paths import Directory
from walcrash.recorder.recording import Recording
from walcrash.recorder.supervisor import Supervisor
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.worker_kind import WorkerKind
from walcrash.recorder.zygote import Zygote


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A recording, the worker's wait status, and what it printed."""

    recording: Recording
    status: int
    output: str


def watch(
    zygote: Zygote, entry: str, payload: bytes, *, directory: str, plan: WatchPlan, memory_mb: int
) -> Watched:
    """Fork a worker, watch it until it exits or is killed, and reap all that it started.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the zygote is gone, or the memory of a process cannot be read.
    """
    pid, listener = zygote.watch(entry, payload, memory_mb=memory_mb, kind=_kind(plan))
    supervisor = Supervisor(listener, pid, Directory(directory), plan)
    with contextlib.closing(supervisor.mappings):
        try:
            # Linux before 6.6 does not know the flag; it only makes things faster.
            with contextlib.suppress(OSError):
                fcntl.ioctl(listener, abi.NOTIF_SET_FLAGS, abi.SYNC_WAKE_UP)
            end = supervisor.run(handlers(supervisor))
        finally:
            # The group dies as one, so no member can go on between two signals. The listener is
            # closed last: calls that are waiting would otherwise return and let the worker run.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            try:
                status = zygote.finish(pid)
            finally:
                os.close(listener)
        recording = supervisor.recording(end)
    return Watched(recording=recording, status=status, output=zygote.output())


def _kind(plan: WatchPlan) -> WorkerKind:
    """Return the kind of worker that a watch needs."""
    around = plan.around
    return WorkerKind(plan.sees_reads, around.clock_shift_seconds, around.repeats_random)
