"""Apart: each piece of work in a process of its own, and nothing that it started outlives it.

A server forks a process that takes one message from the socket, works and is gone. Then the
server kills and reaps everything which that one left behind, daemons too, and only then says
that it has ended. Nothing of the work was ever in the server, so nothing is carried over.

While one process works, the next is forked already, and writes in advance to the pages that the
first one wrote to (`prefault`): the server looks at that one once it has worked, since looking
would write to pages as well. A process looks at the socket when its turn has come.

Messages have their length in front; an empty one says the end, and is sent by the server.

Not here: what the work is; the caller names a function as MODULE:FUNCTION.
"""

import contextlib
import json
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from walcrash.recorder.descendants import adopt_orphans, ending_here, kill_children
from walcrash.recorder.prefault import Ahead, find_written, prepare, write_ahead
from walcrash.values.framing import frame

_TURN: Final = b"."

Work = Callable[[socket.socket], object]


@dataclass(frozen=True, slots=True)
class _Forked:
    """A process that waits for its turn, works, or is gone.

    Attributes:
        pid: its id.
        turn: where it is told that its turn has come, and that it may end.
        worked: where it says that it has worked, and waits to be looked at; -1 where it does not.
    """

    pid: int
    turn: int
    worked: int


def serve(payload: bytes, channel: socket.socket) -> None:
    """Entry for the zygote: work in one process after the other until the socket ends.

    Args:
        payload: `module:function`; it is called with the socket and takes one message from it.
        channel: to the harness.
    """
    module, _, function = payload.decode().partition(":")
    _Server(getattr(import_module(module), function), channel).run()


class _Server:
    def __init__(self, work: Work, channel: socket.socket) -> None:
        self._work = work
        self._channel = channel
        self._prefaulted: Ahead | None = None

    def run(self) -> None:
        adopt_orphans()
        current = self._fork()
        self._give_turn(current)
        while True:
            ahead = self._fork()
            self._learn(current)
            status = os.waitpid(current.pid, 0)[1]
            kill_children(keep=frozenset({ahead.pid}))
            self._give_turn(ahead)
            if not self._say_end(status):
                return
            current = ahead

    def _fork(self) -> _Forked:
        is_measured = self._prefaulted is None
        turn, give = os.pipe()
        worked, progress = os.pipe() if is_measured else (-1, -1)
        pid = os.fork()
        if pid == 0:
            with ending_here():
                os.close(give)
                self._work_in_fork(turn, progress)
        os.close(turn)
        if is_measured:
            os.close(progress)
        return _Forked(pid, give, worked)

    def _work_in_fork(self, turn: int, progress: int) -> None:
        # What the subject does to its process group is not done to the server.
        os.setsid()
        if self._prefaulted is not None:
            write_ahead(self._prefaulted)
        if os.read(turn, len(_TURN)):
            if progress < 0:
                os.close(turn)
            self._work(self._channel)
            if progress >= 0:
                # The subject may have closed both.
                with contextlib.suppress(OSError):
                    os.write(progress, _TURN)
                    os.read(turn, len(_TURN))

    def _learn(self, current: _Forked) -> None:
        """Wait for a process that is to be looked at, see where it wrote, and let it end."""
        if current.worked < 0:
            return
        if self._prefaulted is None and _has_worked(current):
            self._prefaulted = prepare(find_written(current.pid)) or None
        # The next process holds this pipe open too, so closing it would not be seen.
        with contextlib.suppress(BrokenPipeError):
            os.write(current.turn, _TURN)
        os.close(current.worked)
        os.close(current.turn)

    def _give_turn(self, forked: _Forked) -> None:
        # Somebody may have killed it; its status will be told in place of an answer.
        with contextlib.suppress(BrokenPipeError):
            os.write(forked.turn, _TURN)
        if forked.worked < 0:
            os.close(forked.turn)

    def _say_end(self, status: int) -> bool:
        """Say that a process is gone, and how; return whether anybody listens."""
        said = [json.dumps({"ok": False, "died": status}).encode()] if status else []
        try:
            self._channel.sendall(b"".join(map(frame, (*said, b""))))
        except OSError:
            return False
        return True


def _has_worked(current: _Forked) -> bool:
    """Wait until a process has worked, or is gone; at once, and never, where nobody can tell."""
    try:
        end = os.pidfd_open(current.pid)
    except OSError:
        return False
    # What it started may hold the pipe open beyond its end.
    ready, _, _ = select.select([current.worked, end], [], [])
    os.close(end)
    return current.worked in ready and bool(os.read(current.worked, len(_TURN)))
