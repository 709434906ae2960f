"""The fork server: each piece of work in a process of its own, which leaves nothing running.

The server forks a process that takes one message from the socket, works and is gone. Then the
server kills and reaps everything that this process left behind, daemons too, and only then tells
the harness that the work has ended. No work is ever done in the server itself, so no piece of work
finds what another one left in memory.

While one process works, the next is forked already (`forked_ahead`), and writes in advance to the
pages that the first process wrote to (`prefault`). The server looks those pages up once the first
process has worked, since a look-up would write to pages as well. A process reads from the socket
when its turn has come.

Messages are framed (`framing`); the server sends an empty one as the end of the work.

Not here: what the work is; a caller names a function of a module.
"""

import contextlib
import json
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Final

from walcrash.recorder.descendants import adopt_orphans, kill_children
from walcrash.recorder.forked_ahead import ForkedAhead, fork_ahead
from walcrash.recorder.prefault import Ahead, find_written, prepare, write_ahead
from walcrash.values.framing import frame

_TURN: Final = b"."

Work = Callable[[socket.socket], object]


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process that waits for its turn, works, or is gone.

    Attributes:
        process: the process.
        worked: where it says that it has worked, and then waits for its pages to be looked up;
            -1 where it does not.
    """

    process: ForkedAhead
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
        _give_turn(current)
        while True:
            ahead = self._fork()
            self._find_written(current)
            status = os.waitpid(current.process.pid, 0)[1]
            kill_children(keep=frozenset({ahead.process.pid}))
            _give_turn(ahead)
            if not self._say_end(status):
                return
            current = ahead

    def _fork(self) -> _Worker:
        if self._prefaulted is not None:
            return _Worker(fork_ahead(partial(self._work_in_fork, progress=-1)), -1)
        worked, progress = os.pipe()
        process = fork_ahead(partial(self._work_in_fork, progress=progress))
        os.close(progress)
        return _Worker(process, worked)

    def _work_in_fork(self, turn: int, *, progress: int) -> None:
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

    def _find_written(self, current: _Worker) -> None:
        """Wait for a process whose pages are looked up, look them up, and let the process end."""
        if current.worked < 0:
            return
        if self._prefaulted is None and _has_worked(current):
            self._prefaulted = prepare(find_written(current.process.pid)) or None
        # The next process holds this pipe open too, so it would not see the pipe being closed.
        with contextlib.suppress(BrokenPipeError):
            current.process.tell(_TURN)
        os.close(current.worked)
        os.close(current.process.turn)

    def _say_end(self, status: int) -> bool:
        """Send that a process is gone, and how; return whether the harness still listens."""
        said = [json.dumps({"ok": False, "died": status}).encode()] if status else []
        try:
            self._channel.sendall(b"".join(map(frame, (*said, b""))))
        except OSError:
            return False
        return True


def _give_turn(worker: _Worker) -> None:
    # Somebody may have killed it; its status is sent in place of an answer.
    with contextlib.suppress(BrokenPipeError):
        worker.process.tell(_TURN)
    if worker.worked < 0:
        os.close(worker.process.turn)


def _has_worked(current: _Worker) -> bool:
    """Wait until a process has worked, or is gone; without pidfds, return False at once."""
    try:
        end = os.pidfd_open(current.process.pid)
    except OSError:
        return False
    # What the process started may hold the pipe open beyond the end of the process.
    ready, _, _ = select.select([current.worked, end], [], [])
    os.close(end)
    return current.worked in ready and bool(os.read(current.worked, len(_TURN)))
