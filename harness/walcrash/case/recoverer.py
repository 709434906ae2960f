"""Recoverers: processes that open image after image, and how the harness talks with one.

A recoverer is not under watch. What it says comes through a socket (`framing`); an empty message
ends a boot.

Not here: when one is made and replaced (`sandbox`), what it does (`subjects.worker`).
"""

import os
import pickle
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from walcrash.case.growth import RECOVERY_SECONDS, GrownTooMuch, Growth, grown_text
from walcrash.recorder.perturbed_calls import read_notes
from walcrash.subjects.messages import MalformedOutput, read_reply
from walcrash.subjects.worker import END_OF_BOOT, GO_ON, BootRequest
from walcrash.values.framing import Messages, MessageTooLong, frame
from walcrash.values.recovery import FailureKind, RecoveryFailure, death_text, failure_of_signal
from walcrash.values.varied import Surrounding, Varied

# limits
RECEIVE_BYTES: Final = 1 << 16
"""Most bytes that are read at once: each read with a time limit takes two system calls."""

_DIED: Final = b'{"ok": false, "died"'


class Recoverer:
    """One process, in one environment, with one memory limit, for one subject.

    `notes` is the file for what is varied around it; None where nothing is. `is_clock_back` says
    that this is a wall clock that has gone back, and no more.
    """

    def __init__(
        self,
        pid: int,
        channel: socket.socket,
        memory_mb: int,
        subject: str = "",
        notes: int | None = None,
        *,
        is_clock_back: bool = False,
    ) -> None:
        self.pid = pid
        self.memory_mb = memory_mb
        self.subject = subject
        self._notes = notes
        self._is_clock_back = is_clock_back
        self._channel = channel
        self._messages = Messages()
        self._growth: Growth | None = None

    def close(self) -> None:
        """Hang up, which ends the process once it listens again; more than once does no harm."""
        self._channel.close()
        notes, self._notes = self._notes, None
        if notes is not None:
            os.close(notes)

    def varied(self) -> frozenset[Varied]:
        """Return what was varied around it so far, for which program.

        Raises:
            HarnessFault: as `read_notes`.
        """
        if self._notes is None:
            return frozenset()
        found = read_notes(self._notes)
        if not self._is_clock_back:
            return found
        return frozenset(
            replace(varied, what=Surrounding.CLOCK_BACK)
            for varied in found
            if varied.what is Surrounding.CLOCK
        )

    def converse(
        self, request: BootRequest, seconds: float, take: Callable[[bytes], object]
    ) -> RecoveryFailure | None:
        """Send a request and hand on its messages until the boot ends, one way or another.

        Args:
            request: what is to be done.
            seconds: how long that may take.
            take: is handed each message as it comes in, while the process goes on.

        Returns:
            Why the boot did not end as it should; None if it did.
        """
        # Without operations nothing is opened, and a measure would be seen in the directory.
        self._growth = Growth(request.directory) if request.operations else None
        deadline = time.monotonic() + seconds
        try:
            self._channel.settimeout(seconds)
            self._channel.sendall(frame(pickle.dumps(request)))
            while (message := self._receive(deadline)) != END_OF_BOOT:
                if message.startswith(_DIED):
                    status = int(read_reply(message)["died"])
                    return failure_of_status(status)
                take(message)
        except GrownTooMuch:
            return RecoveryFailure(FailureKind.DIED, grown_text())
        except TimeoutError:
            return RecoveryFailure(
                FailureKind.HUNG, f"no end within {seconds:g} seconds, then killed"
            )
        except (OSError, MalformedOutput, MessageTooLong) as problem:
            return RecoveryFailure(FailureKind.DIED, f"the process ended: {problem}")
        return None

    def let_go(self, seconds: float) -> bool:
        """Let a held boot close; return whether it did in time and the process is still there."""
        deadline = time.monotonic() + seconds
        try:
            self._channel.settimeout(seconds)
            self._channel.sendall(frame(GO_ON))
            while self._receive(deadline) != END_OF_BOOT:
                pass
        except (OSError, MessageTooLong, GrownTooMuch):
            return False
        return True

    def _receive(self, deadline: float) -> bytes:
        while (message := self._messages.take()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if self._growth is not None:
                self._growth.check()
            self._channel.settimeout(min(left, RECOVERY_SECONDS))
            try:
                piece = self._channel.recv(RECEIVE_BYTES)
            except TimeoutError:
                continue
            if not piece:
                raise ConnectionResetError("the end of its messages")
            self._messages.feed(piece)
        return message


def failure_of_status(status: int, *, last_words: str = "") -> RecoveryFailure:
    """Return how a process failed that ended with a wait status."""
    is_killed = os.WIFSIGNALED(status)
    kind = failure_of_signal(os.WTERMSIG(status)) if is_killed else FailureKind.DIED
    return RecoveryFailure(kind, describe_status(status) + last_words)


def describe_status(status: int) -> str:
    """Return a wait status in words."""
    if os.WIFSIGNALED(status):
        return death_text(os.WTERMSIG(status))
    return f"exited with status {os.waitstatus_to_exitcode(status)}"
