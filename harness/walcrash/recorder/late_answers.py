"""Answers to the calls of a listener, at once or at another time.

Not here: what is answered (`shifted_time`, `odd_boot`, `perturbed_calls`), which calls are put
aside (`holding`).

Source: `seccomp_unotify(2)`.
"""

import contextlib
import fcntl
import heapq
import time

from walcrash.recorder import abi
from walcrash.recorder.shifted_time import Later


class LateAnswers:
    """The answers that one listener's calls wait for."""

    def __init__(self, listener: int) -> None:
        self._listener = listener
        self._later: list[tuple[int, int, int]] = []

    def __bool__(self) -> bool:
        """Whether any call waits for its answer."""
        return bool(self._later)

    def send(self, id_: int, result: int | None) -> None:
        """Answer a call with a result or a negative errno; None lets the kernel make it."""
        if result is None:
            response = abi.RESPONSE.pack(id_, 0, 0, abi.USER_NOTIF_FLAG_CONTINUE)
        else:
            response = abi.RESPONSE.pack(id_, max(result, 0), min(result, 0), 0)
        with contextlib.suppress(OSError):  # who asked is gone
            fcntl.ioctl(self._listener, abi.NOTIF_SEND, bytearray(response))

    def send_later(self, id_: int, later: Later) -> None:
        """Answer a call at its time, when `send_due` is called."""
        heapq.heappush(self._later, (later.at_ns, id_, later.result))

    def send_due(self) -> None:
        """Answer the calls whose time has come."""
        while self._later and self._later[0][0] <= time.monotonic_ns():
            _, id_, result = heapq.heappop(self._later)
            self.send(id_, result)

    def patience_ms(self) -> float | None:
        """Return how long it is until the next one is due; None where none waits."""
        if not self._later:
            return None
        return max(0.0, (self._later[0][0] - time.monotonic_ns()) / 1e6)
