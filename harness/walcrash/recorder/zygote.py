"""The harness's end of a zygote: start it, load a subject, fork workers, reap them.

Not here: what the zygote does with a request (`zygote_main`), what happens while a worker runs
(`supervisor`).
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from walcrash.recorder.environment import Environment
from walcrash.recorder.process_tree import kill_below
from walcrash.recorder.worker_kind import PLAIN_WORKER, WorkerKind
from walcrash.recorder.zygote_channel import Answer, receive_answer, send_request
from walcrash.values.errors import LIMITS_HINT, HarnessFault, Inconclusive, WalcrashError
from walcrash.values.limits import STDERR_BYTES

_START_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
"""How long a zygote has to end what its workers started, before that is done for it."""


_WHO_KILLS: Final = (
    "dmesg | tail shows whether memory ran out; see also whether the subject kills other processes"
)


class LoadError(WalcrashError):
    """A subject could not be loaded; the message is the traceback's end."""


class Zygote:
    """One fork server in one environment; close it, or use it with `contextlib.closing`."""

    def __init__(self, environment: Environment, directory: str) -> None:
        """Start it; it removes `directory` when this process is gone.

        Raises:
            HarnessFault: it does not start.
        """
        self.environment = environment
        with contextlib.ExitStack() as failed:
            try:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
                failed.enter_context(ours)
                with theirs:
                    self._output = os.memfd_create("worker-output")
                    failed.callback(os.close, self._output)
                    self._process = self._start(theirs.fileno(), directory)
            except OSError as problem:
                raise HarnessFault(
                    f"the zygote cannot be started: {problem.strerror}", hint=LIMITS_HINT
                ) from None
            failed.pop_all()
        ours.settimeout(_START_SECONDS)
        self._channel = ours
        try:
            self.has_shifted_clock = bool(self._answer()[0])
        except HarnessFault:
            self.close()
            raise
        ours.settimeout(_ANSWER_SECONDS)

    def _start(self, channel_fd: int, directory: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [
                sys.executable,
                # Else the current directory would come before our own package.
                "-P",
                "-c",
                "from walcrash.recorder.zygote_main import main; main()",
                str(channel_fd),
                str(self.environment.clock_shift_seconds),
                str(int(self.environment.is_reversed)),
                directory,
            ],
            env=_variables(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            pass_fds=[channel_fd],
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The zygote's own process id."""
        return self._process.pid

    def load(self, entry: str, payload: bytes, *, seconds: float = _ANSWER_SECONDS) -> bytes:
        """Call `module:function(payload)` inside the zygote, so that children have it.

        Raises:
            LoadError: it raised, ended its process, or took too long.
            HarnessFault: somebody killed the process meanwhile, or no thread can be started.
        """
        self._send("load", entry, payload)
        self._channel.settimeout(seconds)
        try:
            number, text, _ = self._take_answer()
        except TimeoutError:
            raise LoadError(f"loading did not end within {seconds:g} seconds") from None
        except HarnessFault:
            raise self._ended_in_load(entry) from None
        finally:
            self._channel.settimeout(_ANSWER_SECONDS)
        if number == -3:
            raise _not_forked(text)
        if number < 0:
            raise LoadError(text.decode("utf-8", "replace"))
        return text

    def watch(
        self, entry: str, payload: bytes, *, memory_mb: int, kind: WorkerKind = PLAIN_WORKER
    ) -> tuple[int, int]:
        """Fork a worker under interception; `kind` says what it has around it.

        Returns:
            Its process id and the listener's descriptor, which is the caller's to close.

        Raises:
            Inconclusive: the kernel refuses interception.
        """
        self._forget_output()
        self._send("watch", entry, payload, memory_mb, *kind)
        number, text, fds = self._answer()
        if number == -2:
            raise Inconclusive(
                f"system calls cannot be intercepted here: {text.decode()}", hint="walcrash doctor"
            )
        if number < 0 or not fds:
            raise _not_forked(text)
        return number, fds[0]

    def serve(
        self,
        entry: str,
        payload: bytes,
        *,
        memory_mb: int,
        is_silent: bool = False,
        notes: int | None = None,
        clock_shift_seconds: int | None = None,
    ) -> tuple[int, socket.socket]:
        """Fork a process that is not under watch; return its id and a socket to it.

        With `is_silent` what it prints is thrown away. With `notes`, a file, the programs that it
        starts have the environment's clock and directory order as well, and the file gets what
        could be varied (`perturbed_calls.read_notes`); with `clock_shift_seconds` it and they have
        that clock.
        """
        shift_seconds = clock_shift_seconds
        if shift_seconds is None:
            shift_seconds = self.environment.clock_shift_seconds
        self._forget_output()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            fds = [theirs.fileno()] if notes is None else [theirs.fileno(), notes]
            self._send("serve", entry, payload, memory_mb, is_silent, shift_seconds, fds=fds)
            number, text, _ = self._answer()
        if number < 0:
            ours.close()
            raise _not_forked(text)
        return number, ours

    def finish(self, pid: int) -> int:
        """Kill and reap a worker with all that it started; return its wait status."""
        self._send("finish", pid)
        return self._answer()[0]

    def output(self) -> str:
        """Return the end of what workers printed to stdout and stderr since the last fork."""
        size = os.fstat(self._output).st_size
        start = max(0, size - STDERR_BYTES)
        return os.pread(self._output, STDERR_BYTES, start).decode("utf-8", "replace")

    def _forget_output(self) -> None:
        # The workers write where this description stands; a hole would read as zeros.
        os.lseek(self._output, 0, os.SEEK_SET)
        os.ftruncate(self._output, 0)

    def close(self) -> None:
        """End the zygote and everything below it, also where it cannot do that itself."""
        self._channel.close()
        try:
            self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            # Daemons do not end with it, and would write into a directory that is being removed.
            kill_below(self._process.pid)
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._output)

    def _send(self, *request: object, fds: Sequence[int] = ()) -> None:
        try:
            send_request(self._channel, request, fds)
        except OSError as problem:
            raise self._gone(problem.strerror or "") from None

    def _gone(self, how: str) -> HarnessFault:
        words = self.output().strip()
        said = f"; it said: {words}" if words else ""
        return HarnessFault(
            f"the zygote is gone ({how}): somebody has ended it{said}",
            hint=_WHO_KILLS,
        )

    def _ended_in_load(self, entry: str) -> WalcrashError:
        """Return why the zygote is gone while it loaded: by itself, or somebody killed it."""
        try:
            status = self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            status = 0  # it has closed its end, and lives
        if status == -signal.SIGKILL:
            return HarnessFault(
                f"the zygote was killed (SIGKILL) while it ran {entry}", hint=_WHO_KILLS
            )
        said = self.output().strip()
        return LoadError(f"loading ended the process; it said: {said or 'nothing'}")

    def _answer(self) -> Answer:
        try:
            return self._take_answer()
        except TimeoutError:
            seconds = self._channel.gettimeout()
            raise HarnessFault(
                f"the zygote gave no answer within {seconds:g} seconds: it, or the worker that it "
                "forked, was stopped or killed, or the machine is far too slow",
                hint=_WHO_KILLS,
            ) from None

    def _take_answer(self) -> Answer:
        answer = receive_answer(self._channel)
        if answer is None:
            raise self._gone("the end of its answers")
        return answer


def _not_forked(text: bytes) -> HarnessFault:
    """Return the fault of a zygote that could not fork; its traceback's last line says why."""
    lines = text.decode("utf-8", "replace").strip().splitlines() or ["it does not say why"]
    return HarnessFault(f"no process can be started for the subject: {lines[-1]}", hint=LIMITS_HINT)


def _variables(environment: Environment) -> dict[str, str]:
    variables = environment.variables(dict(os.environ))
    package_parent = str(Path(__file__).resolve().parents[2])
    # First of all our own package; then what the user has; then the current directory.
    paths = [package_parent, *variables.get("PYTHONPATH", "").split(os.pathsep), os.getcwd()]
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return variables
