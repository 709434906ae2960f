"""The plane: real trees of a boot, from the blocks that a real file system wrote.

It stands beside the sandbox: the boots of a case since its last power loss are run once more, on a
recorded device, and the case goes on with their traces. Every recovery is in the sandbox, as with
an image of a model.

Not here: the recording (`plane_session`), what is made of the trees (`plane_search`).
"""

import contextlib
import multiprocessing.util
import os
import pickle
import platform
import select
import subprocess
import time
from functools import cache
from typing import Final

from walcrash.blocks.abilities import need, trial
from walcrash.blocks.file_systems import FileSystemVariant, find_plane
from walcrash.blocks.isolation import start_isolated
from walcrash.case.plane_session import ENTRY, PlaneAnswer, PlaneTask, send
from walcrash.values.closeable import Closeable
from walcrash.values.errors import HarnessFault, Inconclusive, WalcrashError
from walcrash.values.framing import read_message

BACKGROUNDS: Final = ("none", "commit", "slow", "writeback")
"""What writes back meanwhile, in turns; none that syncs the subject's own files (see 0056)."""

# limits
ANSWER_SECONDS: Final = 900.0
"""Longest time for one task; its boots have time limits of their own."""


def usable_plane(name: str) -> FileSystemVariant:
    """Return a plane that this machine has, after a trial.

    Raises:
        UsageError: there is none of this name.
        Inconclusive: something that it needs is lacking; the message says what.
    """
    variant = find_plane(name)
    need(variant)
    if problem := trial():
        raise Inconclusive(
            f"{name}: no real file system can be recorded here: {problem}", hint="walcrash doctor"
        )
    return variant


def kernel_release() -> str:
    """Return the release of the kernel that is running."""
    return platform.release()


class Plane(Closeable):
    """A session for one file system; nothing of it outlives this process.

    Make it in a thread that lives as long as it should: it ends with the thread.

    Attributes:
        variant: the file system.
    """

    def __init__(self, variant: FileSystemVariant) -> None:
        """Remember what to record on; the session is started with the first task."""
        self.variant = variant
        self._process: subprocess.Popen[bytes] | None = None

    def record(self, task: PlaneTask) -> PlaneAnswer:
        """Run boots on the device, and return what cuts of the last one leave.

        Raises:
            WalcrashError: the subject cannot be loaded there, or the device cannot be made.
            HarnessFault: the session has ended, or does not answer.
        """
        if self._process is None:
            self._process = start_isolated(ENTRY, takes_input=True)
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, task)
            data = self._receive()
        except BrokenPipeError:
            data = None
        if data is None:
            self.close()
            raise HarnessFault(
                "the plane's session ended without an answer; what it said is above",
                hint="walcrash doctor",
            )
        answer = pickle.loads(data)  # noqa: S301 - from our own process
        if isinstance(answer, WalcrashError):
            raise answer
        assert isinstance(answer, PlaneAnswer)
        return answer

    def _receive(self) -> bytes | None:
        """Return an answer; None where the session ends or is silent for too long."""
        assert self._process is not None
        assert self._process.stdout is not None
        fd, deadline = self._process.stdout.fileno(), time.monotonic() + ANSWER_SECONDS

        def read(most_bytes: int) -> bytes:
            left = max(0.0, deadline - time.monotonic())
            is_ready = select.select([fd], [], [], left)[0]
            return os.read(fd, most_bytes) if is_ready else b""

        return read_message(read)

    def close(self) -> None:
        """End the session, and all that it has."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        process.wait()


@cache
def job_plane(name: str) -> Plane:
    """Return this job's plane on a file system, which lives as long as the process.

    Raises:
        UsageError: there is none of this name.
        Inconclusive: something that it needs is lacking.
    """
    variant = find_plane(name)
    need(variant)
    made = Plane(variant)
    multiprocessing.util.Finalize(made, made.close, exitpriority=10)
    return made
