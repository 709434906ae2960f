"""The worker: runs the operations of one boot through an adapter and reports each result.

The same code runs under interception (messages are writes to a descriptor that only the
supervisor knows) and in a process that is not under watch (messages go through a socket).

Not here: what a message looks like (`messages`), its framing on a socket (`values.framing`), who
forks the process (`recorder.zygote_main`, `recorder.fork_server`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`, for what each operation means.
"""

import contextlib
import json
import os
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from walcrash.subjects import messages
from walcrash.subjects.adapter import Adapter, DefiniteFailure, NotOpened, Refused, SubjectGone
from walcrash.subjects.loading import (
    MissingPackage,
    NotAnAdapter,
    Options,
    find_adapter,
    import_hint,
    make_adapter,
)
from walcrash.subjects.messages import MalformedOutput
from walcrash.subjects.rehearsed import REHEARSED
from walcrash.values.framing import frame, read_message
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind

Say = Callable[[bytes], object]

END_OF_BOOT: Final = b""
"""On a socket an empty message ends a boot."""

GO_ON: Final = b"."
"""What a boot that is held waits for."""

FORMER_PACKAGE: Final = "harness"
"""What the package was called up to 0.1.0, as adapters of that time import it."""

_RENAMED: Final = (
    "the package is `walcrash` now: write `from walcrash import Adapter` where the adapter imports "
    "from `harness`; docs/reference/python.md lists the names"
)

_REHEARSALS: Final = 10
"""Boots of a rehearsal: Python changes code after eight calls, and what that calls later still."""

_OPEN: Final = Operation(OperationKind.OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class BootRequest:
    """What a worker is to do in one boot.

    Attributes:
        adapter: the adapter's name, as in the scenario.
        options: its constructor's arguments.
        directory: the subject's directory.
        operations: in order, `open` first.
        message_fd: where messages go under interception.
        awaits_kill: whether to wait for the end instead of exiting after the last operation.
        is_held: on a socket: report the end of the boot twice, before and after the adapter
            closes what is still open; in between, wait for `GO_ON`.
    """

    adapter: str
    options: Options
    directory: str
    operations: tuple[Operation, ...]
    message_fd: int = -1
    awaits_kill: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """Which adapter is to be loaded; `scratch` is an empty directory, to find out about itself."""

    adapter: str
    options: Options
    scratch: str
    memory_mb: int


def load(payload: bytes) -> bytes:
    """Entry for the zygote: import an adapter, make one, and return its description as JSON."""
    request: LoadRequest = pickle.loads(payload)  # noqa: S301 - from our own harness
    hint = import_hint(request.adapter)
    try:
        kind = find_adapter(request.adapter)
        # What is raised from here on is not about an import.
        hint = ""
        made = make_adapter(kind, request.options)
        made.introduce(Path(request.scratch), request.memory_mb)
        rehearse()
        return json.dumps({"ok": True, **messages.describe(made)}).encode()
    except (NotAnAdapter, MissingPackage) as problem:
        text, hint = str(problem), problem.hint
    except NotOpened as problem:
        failure = f"{problem.kind.value}: {problem}"
        return json.dumps({"ok": False, "unopened": True, "error": failure}).encode()
    except (MalformedOutput, SubjectGone) as problem:
        text = str(problem)
    except ModuleNotFoundError as problem:
        text = _subjects_traceback(problem)
        missing = (problem.name or "").split(".")[0]
        hint = _RENAMED if missing == FORMER_PACKAGE else hint
    except BaseException as problem:  # what a subject's module raises, sys.exit among it
        text = _subjects_traceback(problem)
    return json.dumps({"ok": False, "error": text, "hint": hint}).encode()


def rehearse() -> None:
    """Run boots of an adapter that has nothing behind it, before any worker is forked.

    Python specialises code to the types that it meets, and writes that into the code object. A
    rehearsal in the zygote specialises the code of all workers, so no fork copies those pages.
    Only our own code is run, so nothing of a subject is carried over.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for _ in range(_REHEARSALS):
            request = BootRequest(adapter=REHEARSED, options={}, directory="/", operations=(_OPEN,))
            send(ours, pickle.dumps(request))
            run_one(theirs)
            read_message(ours.recv)


def _subjects_traceback(problem: BaseException) -> str:
    """Return the traceback without the frames of the harness."""
    ours = str(Path(__file__).resolve().parents[1])
    frames = traceback.extract_tb(problem.__traceback__)
    theirs = [
        frame
        for frame in frames
        if not frame.filename.startswith((ours, "<frozen importlib"))
        and "/importlib/" not in frame.filename
    ]
    lines = traceback.format_list(theirs) + traceback.format_exception_only(problem)
    return "".join(lines).rstrip()


def run_watched(payload: bytes) -> None:
    """Entry for a worker under interception."""
    request: BootRequest = pickle.loads(payload)  # noqa: S301 - from our own harness
    _run_to_end(request, partial(os.write, request.message_fd))


def run_unwatched(payload: bytes, channel: socket.socket) -> None:
    """Entry for a worker without interception: one boot, reported through a socket."""
    request: BootRequest = pickle.loads(payload)  # noqa: S301 - from our own harness
    _run_to_end(request, partial(send, channel))


def _run_to_end(request: BootRequest, say: Say) -> None:
    """Run a boot; then exit, or wait for the kill where there is something to kill."""
    is_open = Boot(request, say).run()
    _flush()
    while request.awaits_kill and is_open:
        signal.pause()


def run_one(channel: socket.socket) -> None:
    """Entry for a process that is there for one boot: take the request, run it, end with it.

    Nothing is closed, as with a kill. The fork server reports the end of the boot.
    """
    request = receive_request(channel)
    if request is not None:
        Boot(request, partial(send, channel), is_heard=False).run()


def serve(_: bytes, channel: socket.socket) -> None:
    """Entry for a process that runs boots one after the other until the socket ends."""
    while (request := receive_request(channel)) is not None:
        boot = Boot(request, partial(send, channel), is_heard=False)
        boot.run()
        if request.is_held:
            send(channel, END_OF_BOOT)
            if read_message(channel.recv) is None:
                return
        boot.leave()
        send(channel, END_OF_BOOT)


class Boot:
    """One life of the subject.

    Where nobody hears what it prints, no traceback is made of what it raises: that reads the source
    of each frame, in each new process anew.
    """

    def __init__(self, request: BootRequest, say: Say, *, is_heard: bool = True) -> None:
        self._request = request
        self._say = say
        self._is_heard = is_heard
        self._adapter: Adapter | None = None
        self._offsets: dict[int, int] = {}
        self._known: set[str] = set()

    def run(self) -> bool:
        """Run the operations; stop after an `open` that failed.

        Returns:
            Whether the subject still runs: its `open` may have failed, and one with a process of
            its own may be gone.
        """
        for position, operation in enumerate(self._request.operations):
            try:
                reply = self._reply(position, operation)
            except SubjectGone as problem:
                self._say(messages.gone_message(problem.kind, str(problem)))
                return False
            self._say(json.dumps(reply).encode())
            if not reply["ok"] and operation.kind is OperationKind.OPEN:
                return False
        return True

    def leave(self) -> None:
        """Close what the operations left open, before the next boot in this process."""
        if self._adapter is not None:
            try:
                self._adapter.close()
            except Exception:
                self._print_traceback()
            # Finalizers act now, and not on the image that comes next.
            self._adapter = None

    def _reply(self, position: int, operation: Operation) -> dict[str, object]:
        try:
            return {"ok": True, **self._call(position, operation)}
        except DefiniteFailure as problem:
            return {"ok": False, "error": _text(problem), "definite": True}
        except Refused as problem:
            return {"ok": False, "error": str(problem)}
        except MalformedOutput as problem:
            return {"ok": False, "error": str(problem), "kind": FailureKind.MALFORMED.value}
        except SubjectGone:
            raise
        except MemoryError as problem:
            kind = FailureKind.OVER_MEMORY.value
            return {"ok": False, "error": _text(problem), "kind": kind}
        except Exception as problem:
            self._print_traceback()
            return {"ok": False, "error": _text(problem)}

    def _call(self, position: int, operation: Operation) -> dict[str, object]:
        kind = operation.kind
        if kind is OperationKind.OPEN:
            return self._open()
        adapter = self._adapter
        assert adapter is not None, "a boot starts with open"
        if kind is OperationKind.APPEND:
            assert operation.record is not None
            return self._append(adapter, position, operation.record)
        if kind is OperationKind.TICK:
            assert operation.now_ms is not None
            return {"sent": messages.id_list(adapter.tick(operation.now_ms), "tick() returns")}
        if kind is OperationKind.APPLY:
            return {"checkpoint": messages.integer(adapter.apply(), "apply() returns")}
        if kind is OperationKind.REPLAY:
            start = 0 if operation.from_call is None else self._offsets.get(operation.from_call, 0)
            taken = messages.collect(start, adapter.replay(start))
            return {"replayed": messages.resume_to_json(taken)}
        if kind is OperationKind.CLOSE:
            self._adapter = None
        {
            OperationKind.SYNC: adapter.sync,
            OperationKind.COMPACT: adapter.compact,
            OperationKind.CLOSE: adapter.close,
        }[kind]()
        return {}

    def _append(self, adapter: Adapter, position: int, record: Record) -> dict[str, object]:
        """Append a record; a mark only of an operation that a client of the subject knows of."""
        is_put = record.type is RecordType.PUT
        if not is_put and record.id not in self._known:
            return {"asked": False}
        given = adapter.append(record)
        offset = self._offsets[position] = messages.integer(given, "append() returns")
        if is_put:
            self._known.add(record.id)
        return {"offset": offset}

    def _open(self) -> dict[str, object]:
        request = self._request
        adapter = make_adapter(find_adapter(request.adapter), request.options)
        adapter.open(Path(request.directory), self._effect)
        self._adapter = adapter
        recovery = messages.recover(adapter)
        puts = (item.record for item in recovery.records if item.record.type is RecordType.PUT)
        self._known = {record.id for record in puts}
        return {"recovery": messages.recovery_to_json(recovery)}

    def _effect(self, operation_id: str) -> None:
        self._say(messages.effect_message(operation_id))

    def _print_traceback(self) -> None:
        if self._is_heard:
            # The subject may have closed stderr.
            with contextlib.suppress(OSError, ValueError):
                traceback.print_exc()


def _text(problem: Exception) -> str:
    try:
        return f"{type(problem).__name__}: {problem}"
    except Exception:  # its class may be wrong as well
        return type(problem).__name__


def _flush() -> None:
    # The subject may have closed stdout.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()


def receive_request(channel: socket.socket) -> BootRequest | None:
    """Return the next boot that a socket asks for; None at its end."""
    data = read_message(channel.recv)
    if data is None:
        return None
    request = pickle.loads(data)  # noqa: S301 - from our own harness
    assert isinstance(request, BootRequest)
    return request


def send(channel: socket.socket, message: bytes) -> None:
    """Send one message."""
    channel.sendall(frame(message))
