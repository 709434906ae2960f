"""The driver adapter: any executable that speaks JSON lines, as a Python adapter.

It runs inside the worker, so the driver is the worker's child: under the same filter, recorded
with all its threads and children, killed with it. A driver that ends, falls silent or sends
malformed lines ends the boot, as a worker that dies does (`SubjectGone`).

A reply counts when it has reached this process, which then reports it to the harness; so do
effects, each before the reply of its request.

With the capability `reopen` a driver that was closed waits for the next directory: its process is
kept for the next boot of this worker.

Source: `harness/walcrash/docs/reference/driver-protocol.md`, version 1.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from walcrash.subjects import driver_replies as replies
from walcrash.subjects.adapter import (
    Adapter,
    DefiniteFailure,
    EffectSink,
    NotOpened,
    Refused,
    SubjectGone,
)
from walcrash.subjects.driver_listeners import foreign_listener
from walcrash.subjects.driver_process import Command, DriverProcess, in_words
from walcrash.subjects.driver_replies import Introduction
from walcrash.subjects.messages import RECORDS_PER_REPLAY, MalformedOutput
from walcrash.values.contract import Contract
from walcrash.values.record import Record, Undecodable
from walcrash.values.recovery import FailureKind, SubjectState

PATIENCE: Final = 0.9
"""How much of the time limit the driver gets: the rest is for saying what it did with it."""

DEFAULT_SECONDS: Final = 10.0
"""Time limit of a call where nobody states one."""

_LOOKS: Final = ("replay", "state")
"""Requests that the harness makes to see what a recovery shows."""

_waiting: dict[tuple[int, tuple[str, ...]], DriverProcess] = {}
"""Drivers that were closed and wait for another directory, by our process and their words."""


def end_all() -> None:
    """Kill each driver that this process started and nobody waited for."""
    _waiting.clear()
    DriverProcess.kill_all()


class DriverAdapter(Adapter):
    """Drives a WAL behind the driver protocol.

    Args:
        command: the driver and its arguments, to which the directory is added.
        seconds: how long one call, with all requests that it takes, may last.

    The contract is not the driver's word: the scenario states it.
    """

    contract = Contract()

    def __init__(self, *, command: Sequence[str] = (), seconds: float = DEFAULT_SECONDS) -> None:
        if not command:
            raise TypeError("a driver has a command")
        self._words = tuple(command)
        self._seconds = seconds
        self._process: DriverProcess | None = None
        self._introduction: Introduction | None = None
        self._effect: EffectSink = _no_effect
        self._end: int | None = None
        self._last_offset = 0
        self._call_ends = 0.0
        self._answered = 0
        self._is_recovering = False

    @property
    def introduction(self) -> Introduction:
        """What the driver said of itself when it opened."""
        assert self._introduction is not None, "it has not been opened"
        return self._introduction

    @property
    def supports(self) -> frozenset[str]:  # type: ignore[override]
        """What the driver listed when it opened."""
        return self.introduction.supports

    def assume(self, introduction: Introduction) -> None:
        """Take what the driver said to another object, before this one is opened."""
        self._introduction = introduction

    def introduce(self, scratch: Path, memory_mb: int) -> None:
        """Open and close the driver once on an empty directory, to know what it supports.

        Raises:
            NotOpened: it cannot be started, or does not open.
            SubjectGone: what it says of itself is wrong, or it does not close.
        """
        try:
            try:
                self._start(Command(self._words, memory_mb), scratch)
                found = self._ask("open")
            except SubjectGone as problem:
                raise NotOpened(problem.kind, str(problem)) from None
            except (Refused, DefiniteFailure) as problem:
                raise NotOpened(FailureKind.REFUSED, str(problem)) from None
            self._take_introduction(found, _no_effect)
            self.close()
        finally:
            self._end_process()

    def open(self, directory: Path, effect: EffectSink) -> None:
        """Start the driver on a directory, or give the waiting one another directory."""
        waiting = _waiting.pop((os.getpid(), self._words), None)
        if waiting is None:
            self._start(Command(self._words), directory)
            self._open(effect)
            return
        self._process = waiting
        self._open(effect, dir=str(directory))

    def append(self, record: Record) -> int:
        """Append one record and return its offset."""
        self._end = None
        found = self._ask("append", record=record.to_json())
        with self._suspicion():
            self._last_offset = replies.read_offset(found, "`append`")
        return self._last_offset

    def sync(self) -> None:
        """Make everything appended so far durable."""
        self._ask("sync")

    def replay(self, from_offset: int) -> Iterable[tuple[int, Record | Undecodable]]:
        """Return (offset, record) in append order; all lines have been taken."""
        taken: list[tuple[int, Record | Undecodable]] = []
        found = self._request("replay", {"from": from_offset})
        while "ok" not in found:
            with self._suspicion():
                taken.append(replies.read_entry(found, "`replay`"))
                if len(taken) > RECORDS_PER_REPLAY:
                    raise MalformedOutput(f"its replay has more than {RECORDS_PER_REPLAY} records")
            found = self._next_line("replay")
        self._refusal(found, "replay")
        with self._suspicion():
            self._end = replies.read_end(found, "`replay`")
        return taken

    def end(self) -> int:
        """Return the offset behind the last record, as a replay said it last."""
        if self._end is None:
            self.replay(self._last_offset)
        assert self._end is not None
        return self._end

    def apply(self) -> int:
        """Apply what has not been applied yet, save the checkpoint, and return it."""
        found = self._ask("apply")
        with self._suspicion():
            return replies.read_checkpoint(found, "`apply`")

    def state(self) -> SubjectState:
        """Return the durable state as the driver shows it."""
        found = self._ask("state")
        with self._suspicion():
            return replies.read_state(found, "`state`")

    def tick(self, now_ms: int) -> Sequence[str]:
        """Let the engine turn once; effects are passed on in the order of their lines."""
        found = self._request("tick", {"now_ms": now_ms})
        while "ok" not in found:
            with self._suspicion():
                name = replies.read_effect(found, "`tick`")
            self._effect(name)
            found = self._next_line("tick")
        self._refusal(found, "tick")
        with self._suspicion():
            return replies.read_sent(found, "`tick`")

    def compact(self) -> None:
        """Drop what is no longer needed."""
        self._ask("compact")
        self._end = None

    def close(self) -> None:
        """Close the driver; it exits with 0, or waits where it can `reopen`."""
        process = self._process
        if process is None:
            return
        self._ask("close")
        self._process = None
        if "reopen" in self.supports:
            _waiting[os.getpid(), self._words] = process
            return
        status = process.exit_status(what="`close`", deadline=self._call_ends)
        if status:
            raise process.trouble(FailureKind.DIED, f"it {in_words(status)} after `close`, not 0")

    # One conversation.

    def _start(self, command: Command, directory: Path) -> None:
        self._process = DriverProcess.start(command, directory)

    def _open(self, effect: EffectSink, **fields: object) -> None:
        self._take_introduction(self._ask("open", **fields), effect)

    def _take_introduction(self, found: dict[str, Any], effect: EffectSink) -> None:
        with self._suspicion():
            self._introduction = replies.read_introduction(found, "`open`")
        self._effect = effect
        assert self._process is not None
        listener = foreign_listener(self._process.pid)
        if listener:
            raise self._trouble(
                FailureKind.MALFORMED,
                f"it listens on {listener}, which others can reach; a driver that needs the "
                "network listens on a loopback address or a unix socket",
            )

    def _ask(self, do: str, **fields: object) -> dict[str, Any]:
        """Send a request whose reply is one line, and return it if it is ok.

        Raises:
            Refused: `ok` is false.
            DefiniteFailure: and nothing of it has happened.
            SubjectGone: the conversation is over.
        """
        found = self._request(do, fields)
        self._refusal(found, do)
        return found

    def _refusal(self, found: dict[str, Any], do: str) -> None:
        with self._suspicion():
            is_ok = replies.read_ok(found, f"`{do}`")
        if not is_ok:
            raise (DefiniteFailure if found.get("definite") else Refused)(found["error"])

    def _request(self, do: str, fields: dict[str, object]) -> dict[str, Any]:
        process = self._process
        assert process is not None, "a boot starts with open"
        self._begin_call(do)
        process.send(replies.request_line(do, fields), what=f"`{do}`", deadline=self._call_ends)
        return self._next_line(do)

    def _begin_call(self, do: str) -> None:
        """Start the clock; `open` and the requests that show its recovery are one call."""
        if do in _LOOKS and self._is_recovering:
            self._answered += 1
            return
        self._is_recovering = do == "open"
        self._answered = 0
        self._call_ends = time.monotonic() + self._seconds * PATIENCE

    def _silence(self, do: str) -> str:
        text = f"no reply to `{do}` within {self._seconds * PATIENCE:g} seconds"
        if not self._answered:
            return text
        return (
            f"{text}, which `open` and {self._answered} requests after it share: it may be slow "
            "and not silent"
        )

    def _next_line(self, do: str) -> dict[str, Any]:
        process = self._process
        assert process is not None
        line = process.receive(what=f"`{do}`", silence=self._silence(do), deadline=self._call_ends)
        with self._suspicion():
            return replies.read_line(line, f"`{do}`")

    @contextmanager
    def _suspicion(self) -> Iterator[None]:
        """End the conversation where a line is not as it must be."""
        try:
            yield
        except MalformedOutput as problem:
            raise self._trouble(FailureKind.MALFORMED, str(problem)) from None

    def _trouble(self, kind: FailureKind, text: str) -> SubjectGone:
        process = self._process
        assert process is not None
        self._process = None
        return process.trouble(kind, text)

    def _end_process(self) -> None:
        process = self._process or _waiting.pop((os.getpid(), self._words), None)
        if process is not None:
            process.kill()
        self._process = None


def _no_effect(_: str) -> None:
    """Have no effect: nobody asked for one."""
