"""Timer kills without interception: what remains where the kernel refuses interception.

The worker is not under watch and sends its messages through a socket. When the timer runs out, the
worker is killed with every process below it; each message that had come in full by then counts. So
acknowledgements and effects are in order, but nobody knows what the worker did to its files: the
recording holds messages only, and the kill has no crash point.

The timer starts with the worker's fork, since the worker's first event is not seen.

Not here: what an exact kill needs (`supervisor`), how a tree is killed (`process_tree`).

Source: `unix(7)`: what was sent before a kill can still be read.
"""

import contextlib
import socket
import time
from typing import Final

from walcrash.recorder.process_tree import kill_tree
from walcrash.recorder.recording import EventRow, Recording, WatchEnd
from walcrash.recorder.supervisor import EFFECT_MARK
from walcrash.recorder.watch import Watched
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint, KillTimer
from walcrash.values.framing import Messages, MessageTooLong

# limits
RECEIVE_BYTES: Final = 1 << 16
"""Taken from the socket at once."""


def run_unwatched(
    zygote: Zygote, entry: str, payload: bytes, *, plan: WatchPlan, memory_mb: int
) -> Watched:
    """Fork a worker, take its messages until it exits or is killed, and reap all below it.

    Returns:
        A recording with one row a message; `crash` is None also after a kill.

    Raises:
        HarnessFault: the zygote is gone.
    """
    assert not isinstance(plan.crash, CrashPoint), "an exact kill needs interception"
    pid, channel = zygote.serve(entry, payload, memory_mb=memory_mb)
    conversation = _Conversation(channel, plan)
    with channel:
        try:
            end = conversation.take_until_end()
        finally:
            if plan.crash is not None:
                kill_tree(pid)
            status = zygote.finish(pid)
        conversation.drain()
    recording = Recording(
        rows=tuple(conversation.rows),
        end=end,
        crash=None,
        unmodelled=(),
        outside=(),
        children=0,
    )
    return Watched(recording=recording, status=status, output=zygote.output())


class _Conversation:
    """What one worker says, and how long it may take."""

    def __init__(self, channel: socket.socket, plan: WatchPlan) -> None:
        self.rows: list[EventRow] = []
        self._channel = channel
        self._plan = plan
        self._messages = Messages()
        self._call = 0
        self._call_started = time.monotonic()
        delay_us = plan.crash.delay_us if isinstance(plan.crash, KillTimer) else None
        self._kill_at = None if delay_us is None else self._call_started + delay_us / 1e6

    def take_until_end(self) -> WatchEnd:
        while True:
            now = time.monotonic()
            if self._kill_at is not None and now >= self._kill_at:
                return WatchEnd.KILLED
            if now >= self._patient_until():
                return WatchEnd.HUNG
            if len(self.rows) > self._plan.events:
                return WatchEnd.TOO_LONG
            self._channel.settimeout(self._patience_seconds(now))
            with contextlib.suppress(TimeoutError):
                if not self._receive():
                    return WatchEnd.EXITED

    def drain(self) -> None:
        """Take what a worker that is gone had said, up to the socket's end."""
        self._channel.settimeout(0)
        # Somebody else may hold the other end and never stop talking.
        with contextlib.suppress(BlockingIOError):
            while len(self.rows) <= self._plan.events and self._receive():
                pass

    def _patience_seconds(self, now: float) -> float:
        until = self._patient_until()
        if self._kill_at is not None:
            until = min(until, self._kill_at)
        return max(1e-6, until - now)

    def _patient_until(self) -> float:
        until = self._call_started + self._plan.seconds_per_call
        return until if self._plan.ends_at is None else min(until, self._plan.ends_at)

    def _receive(self) -> bool:
        """Take a piece; return whether there may be more."""
        try:
            piece = self._channel.recv(RECEIVE_BYTES)
        except ConnectionResetError:
            return False
        self._messages.feed(piece)
        try:
            while (message := self._messages.take()) is not None:
                self._add(message)
        except MessageTooLong:
            return False
        return bool(piece)

    def _add(self, message: bytes) -> None:
        kind = EventKind.EFFECT if message.startswith(EFFECT_MARK) else EventKind.REPLY
        length = len(message)
        row = EventRow(
            kind, self._call, "", "", -1, 0, length, message, 0,
            is_synchronous=False, result=length, thread=0, mode=-1,
        )  # fmt: skip
        self.rows.append(row)
        if kind is EventKind.REPLY:
            self._call += 1
            self._call_started = time.monotonic()
