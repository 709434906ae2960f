"""The zygote: a small process that forks workers, since forking a large one takes long.

It runs as a program of its own with few imports, takes requests on a socket, and is the
subreaper of everything that its workers start. When the harness is gone (the end of the
socket), it kills all of that, removes the working directory and exits: nothing is left behind
even where the harness was killed.

Not here: how requests and answers travel (`zygote_channel`), how all that a worker started is
found and killed, and how a worker ends with its zygote (`descendants`).
"""

import _thread
import contextlib
import errno
import gc
import importlib
import os
import pickle
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NoReturn

from walcrash.recorder import filter as call_filter
from walcrash.recorder import perturbed_filter
from walcrash.recorder.clock import NotShifted, shift_clock_of, shift_wall_clock
from walcrash.recorder.descendants import (
    FAILED_STATUS,
    adopt_orphans,
    end_with_parent,
    ending_here,
    kill_children,
)
from walcrash.recorder.environment import order_listings
from walcrash.recorder.forked_ahead import ForkedAhead, fork_ahead
from walcrash.recorder.perturbed_calls import work_below
from walcrash.recorder.worker_kind import PLAIN_WORKER, WorkerKind
from walcrash.recorder.zygote_channel import receive_request, send_answer
from walcrash.values.framing import frame, read_message

_OUTPUT_BYTES: Final = 256 << 20
"""Most that a worker under watch may print, bytes.

Its files may be longer: the harness writes them, which this limit does not bind.
"""

# limits
_SPARES: Final = 3
"""How many workers are forked for one turn, where somebody kills them."""

Entry = Callable[..., object]


def main() -> NoReturn:
    """Run until the socket ends; arguments: fd, clock shift, listing order, directory to remove."""
    socket_fd, shift, reversed_word, directory = sys.argv[1:5]
    shift_seconds, is_reversed = int(shift), reversed_word == "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    channel = socket.socket(fileno=int(socket_fd))
    zygote = _Zygote(channel, directory, is_reversed=is_reversed)
    # From here on: the harness may be gone already.
    try:
        is_shifted = shift_seconds == 0 or shift_wall_clock(shift_seconds)
        order_listings(is_reversed=is_reversed)
        call_filter.prepare()
        send_answer(channel, int(is_shifted))
        zygote.take_requests()
    finally:
        zygote.leave()


class _NoThread(Exception):
    """The system refuses a thread: what was to be loaded is not to blame."""


class _Zygote:
    def __init__(self, channel: socket.socket, directory: str, *, is_reversed: bool) -> None:
        self._pid = os.getpid()
        self._channel = channel
        self._directory = directory
        self._is_reversed = is_reversed
        self._servers: set[int] = set()
        self._entries: dict[str, Entry] = {}
        self._spare: ForkedAhead | None = None
        self._watched = ""
        self._kind = PLAIN_WORKER
        """What a spare worker runs: the entry that was last asked for."""

    def take_requests(self) -> None:
        while True:
            request, fds = receive_request(self._channel)
            if request is None:
                return
            kind, *arguments = request
            try:
                self._take(kind, arguments, fds)
            except _NoThread as problem:
                send_answer(self._channel, -3, str(problem).encode())
            except Exception:
                text = traceback.format_exc(limit=-8)
                send_answer(self._channel, -1, text.encode("utf-8", "replace"))
            finally:
                for fd in fds:
                    os.close(fd)

    def _take(self, kind: str, arguments: list[Any], fds: list[int]) -> None:
        if kind == "load":
            self._load(*arguments)
        elif kind == "watch":
            self._watch(*arguments)
        elif kind == "serve":
            self._serve(*arguments, fds=fds)
        elif kind == "finish":
            self._finish(*arguments)
            # While the harness reads what is left, the next worker gets ready.
            if self._spare is None and self._watched:
                self._spare = self._fork_spare()
        else:
            raise AssertionError(kind)

    def leave(self) -> NoReturn:
        """End this process with everything below it, and remove the directory."""
        kill_children(keep=frozenset())
        # Only now: it brings three libraries for archives, and each fork would carry them along.
        import shutil

        shutil.rmtree(self._directory, ignore_errors=True)
        os._exit(0)

    def _load(self, entry: str, payload: bytes) -> None:
        self._end_spare()
        with self._leaving_if_alone():
            result = self._entry(entry)(payload)
        assert isinstance(result, bytes)
        gc.collect()
        # Pages that the collector does not touch stay shared with the children.
        gc.freeze()
        send_answer(self._channel, 0, result)

    @contextlib.contextmanager
    def _leaving_if_alone(self) -> Iterator[None]:
        """Meanwhile see the end of the socket: what is loaded may hang, and the harness be killed.

        The thread that waits is gone before anything is forked. It is none of `threading`: what
        that module does after a fork writes to a hundred pages, which each fork would copy.
        """
        done = os.eventfd(0)
        at_work = _thread.allocate_lock()
        at_work.acquire()
        poller = select.poll()
        poller.register(self._channel, select.POLLRDHUP)
        poller.register(done, select.POLLIN)

        def leave_if_alone() -> None:
            try:
                if all(fd != done for fd, _ in poller.poll()):
                    self.leave()
            finally:
                at_work.release()

        try:
            _thread.start_new_thread(leave_if_alone, ())
        except RuntimeError as problem:
            os.close(done)
            raise _NoThread(str(problem)) from None
        try:
            yield
        finally:
            os.eventfd_write(done, 1)
            at_work.acquire()
            os.close(done)

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            module, _, function = name.partition(":")
            self._entries[name] = getattr(importlib.import_module(module), function)
        return self._entries[name]

    def _watch(self, entry: str, payload: bytes, memory_mb: int, *kind: Any) -> None:
        """Set a worker to work under the filter; it hands over its listener itself."""
        if (entry, kind) != (self._watched, self._kind):
            self._end_spare()
            self._watched, self._kind = entry, WorkerKind(*kind)
        worker = self._living_spare()
        try:
            worker.tell(frame(pickle.dumps((payload, memory_mb))))
        finally:
            os.close(worker.turn)

    def _living_spare(self) -> ForkedAhead:
        """Return the spare worker, or another one where somebody has killed it meanwhile.

        Raises:
            OSError: no process can be forked.
            ChildProcessError: whatever is forked is killed before its turn.
        """
        for _ in range(_SPARES):
            worker, self._spare = self._spare or self._fork_spare(), None
            if os.waitpid(worker.pid, os.WNOHANG) == (0, 0):
                return worker
            os.close(worker.turn)
        raise ChildProcessError("each worker was killed before its turn")

    def _fork_spare(self) -> ForkedAhead:
        """Fork a worker that puts the filter on and waits."""
        entry = self._entry(self._watched)
        return fork_ahead(partial(self._work_when_asked, entry, self._kind))

    def _work_when_asked(self, run: Entry, kind: WorkerKind, turn: int) -> None:
        _become_worker(self._pid)
        resource.setrlimit(resource.RLIMIT_FSIZE, (_OUTPUT_BYTES, _OUTPUT_BYTES))
        # Nobody answers calls yet, so nothing is closed before the listener is handed over; and
        # where reads are seen, nothing is read.
        listener = _installed(kind) if kind == PLAIN_WORKER else None
        message = read_message(partial(os.read, turn))
        if message is None:
            return
        payload, memory_mb = pickle.loads(message)  # noqa: S301 - from our own zygote
        _limit_memory(memory_mb)
        if listener is None:
            listener = _installed_around(kind)
        if isinstance(listener, OSError):
            send_answer(self._channel, -2, str(listener).encode())
            os._exit(FAILED_STATUS)
        send_answer(self._channel, os.getpid(), fds=[listener])
        os.close(listener)
        os.close(turn)
        self._channel.close()
        if kind.repeats_random and (known := sys.modules.get("random")):
            # It has taken its seed at the fork, when the bytes were the kernel's.
            known.seed()
        run(payload)

    def _end_spare(self) -> None:
        """Give up the spare worker: it would not have what has been loaded since."""
        spare, self._spare = self._spare, None
        if spare is not None:
            os.close(spare.turn)
            os.kill(spare.pid, signal.SIGKILL)
            os.waitpid(spare.pid, 0)

    def _serve(
        self,
        entry: str,
        payload: bytes,
        memory_mb: int,
        is_silent: bool,
        shift_seconds: int,
        *,
        fds: list[int],
    ) -> None:
        """Fork a process that talks to the harness over a socket of its own.

        `fds` are that socket and, where the programs that it starts are to be perturbed too, a file
        for what was varied.
        """
        run = self._entry(entry)

        def work() -> None:
            _limit_memory(memory_mb)
            if is_silent:
                _silence()
            run(payload, socket.socket(fileno=os.dup(fds[0])))

        pid = os.fork()
        if pid == 0:
            with ending_here():
                _become_worker(self._pid)
                self._channel.close()
                if len(fds) == 1:
                    work()
                else:
                    work_below(
                        work,
                        channel=fds[0],
                        notes=fds[1],
                        shift_seconds=shift_seconds,
                        is_reversed=self._is_reversed,
                    )
        self._servers.add(pid)
        send_answer(self._channel, pid)

    def _finish(self, pid: int) -> None:
        """Kill all children but the other servers; answer with the wait status of `pid`."""
        self._servers.discard(pid)
        spare = self._spare
        keep = self._servers | ({spare.pid} if spare is not None else set())
        send_answer(self._channel, kill_children(keep=frozenset(keep)).get(pid, 0))


def _installed(kind: WorkerKind) -> int | OSError:
    """Put the filter on this process; return the listener, or why there is none."""
    more = perturbed_filter.clock_lines() if kind.clock_shift_seconds else ()
    try:
        return call_filter.install(
            sees_reads=kind.sees_reads, sees_random=kind.repeats_random, more=more
        )
    except OSError as problem:
        return problem


def _installed_around(kind: WorkerKind) -> int | OSError:
    """Give this process what its kind has around it, and put the filter on."""
    if kind.clock_shift_seconds or kind.repeats_random:
        try:
            shift_clock_of("self", kind.clock_shift_seconds, asks_for_random=kind.repeats_random)
        except NotShifted as problem:
            return OSError(errno.ENOTSUP, f"the clock of a boot cannot be set: {problem}")
    return _installed(kind)


def _become_worker(zygote: int) -> None:
    end_with_parent(zygote)
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_memory(memory_mb: int) -> None:
    limit_bytes = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def _silence() -> None:
    """Throw away what is printed from now on: nobody reads it, and it may never end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    main()
