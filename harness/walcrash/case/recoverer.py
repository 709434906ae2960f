"""Recoverers: processes that open image after image, and how the harness talks with one.

A recoverer is not watched. What it says comes through a socket, each message with its length
in front; an empty one ends a boot.

Not here: when one is made and replaced (`sandbox`), what it does (`subjects.worker`).
"""

import os
import pickle
import socket
import time
from collections.abc import Callable
from typing import Final

from walcrash.case.growth import RECOVERY_SECONDS, GrownTooMuch, Growth, grown_text
from walcrash.subjects.messages import MalformedOutput, read_reply
from walcrash.subjects.worker import END_OF_BOOT, FRAME, GO_ON, BootRequest
from walcrash.values.limits import MESSAGE_BYTES
from walcrash.values.recovery import FailureKind, RecoveryFailure

# limits
RECEIVE_BYTES: Final = 1 << 16
"""Taken from the socket at once, since each look at it costs two system calls."""

_DIED: Final = b'{"ok": false, "died"'


class Recoverer:
    """One process, in one environment, with one memory limit."""

    def __init__(self, pid: int, channel: socket.socket, memory_mb: int) -> None:
        self.pid = pid
        self.memory_mb = memory_mb
        self._channel = channel
        self._taken = bytearray()
        self._at = 0
        self._growth: Growth | None = None

    def close(self) -> None:
        """Hang up, which ends the process once it listens again."""
        self._channel.close()

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
        self._growth = Growth(request.directory)
        data = pickle.dumps(request)
        deadline = time.monotonic() + seconds
        try:
            self._channel.settimeout(seconds)
            self._channel.sendall(FRAME.pack(len(data)) + data)
            while (message := self._receive(deadline)) != END_OF_BOOT:
                if message.startswith(_DIED):
                    status = int(read_reply(message)["died"])
                    return RecoveryFailure(FailureKind.DIED, describe_status(status))
                take(message)
        except GrownTooMuch:
            return RecoveryFailure(FailureKind.DIED, grown_text())
        except TimeoutError:
            return RecoveryFailure(
                FailureKind.HUNG, f"no end within {seconds:g} seconds, then killed"
            )
        except (OSError, MalformedOutput) as problem:
            return RecoveryFailure(FailureKind.DIED, f"the process ended: {problem}")
        return None

    def let_go(self, seconds: float) -> bool:
        """Let a held boot close; return whether it did in time and the process is still there."""
        deadline = time.monotonic() + seconds
        try:
            self._channel.settimeout(seconds)
            self._channel.sendall(GO_ON)
            while self._receive(deadline) != END_OF_BOOT:
                pass
        except (OSError, MalformedOutput, GrownTooMuch):
            return False
        return True

    def _receive(self, deadline: float) -> bytes:
        (length,) = FRAME.unpack(self._take(FRAME.size, deadline))
        if length > MESSAGE_BYTES:
            raise MalformedOutput(f"a message of {length} bytes; at most {MESSAGE_BYTES} are taken")
        return self._take(length, deadline)

    def _take(self, length: int, deadline: float) -> bytes:
        while len(self._taken) - self._at < length:
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
            del self._taken[: self._at]
            self._taken += piece
            self._at = 0
        start, self._at = self._at, self._at + length
        return bytes(self._taken[start : self._at])


def describe_status(status: int) -> str:
    """Return a wait status in words."""
    if os.WIFSIGNALED(status):
        return f"died of signal {os.WTERMSIG(status)}"
    return f"exited with status {os.waitstatus_to_exitcode(status)}"
