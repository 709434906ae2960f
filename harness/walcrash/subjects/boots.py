"""Boots as history: from what a worker said to calls and their outcomes.

The order of messages is the order of facts: effects before the reply of their call. A call
without a reply was under way when the boot ended; the next operation after the last reply
counts as called, since nobody can know that it was not.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from walcrash.subjects import messages
from walcrash.subjects.messages import EFFECT_MARK, MalformedOutput
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure

_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,16}")

_recoveries: Final = messages.KnownRecoveries()
"""Of this process: who judges images reads the same replies again and again."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a boot ended, as its supervisor knows it.

    `failure` says why a call never replied where no fault of ours explains it.
    """

    end: BootEnd
    failure: RecoveryFailure | None = None


def read_boot(
    operations: Sequence[Operation], said: Iterable[bytes], ending: Ending, *, directory: str
) -> BootHistory:
    """Return one boot's history.

    Args:
        operations: what the worker was to do.
        said: its messages, in order.
        ending: how the boot ended.
        directory: the subject's directory, which is removed from error texts: it has another name
            in each run.
    """
    reader = BootReader(operations, directory=directory)
    for message in said:
        reader.take(message)
    return reader.finish(ending)


class BootReader:
    """Reads a boot's messages while they come in."""

    def __init__(self, operations: Sequence[Operation], *, directory: str) -> None:
        """Begin a boot; the arguments are those of `read_boot`."""
        self._operations = operations
        self._directory = directory
        self._calls: list[Call] = []
        self._effects: list[str] = []
        self._recovery: Recovery | RecoveryFailure | None = None
        self._failure: RecoveryFailure | None = None
        self._is_gone = False

    def take(self, message: bytes) -> None:
        """Take in one message; none counts after a malformed or a last one."""
        if self._failure is not None:
            return
        try:
            self._failure = self._take(message)
            self._is_gone = self._failure is not None
        except MalformedOutput as problem:
            self._failure = RecoveryFailure(FailureKind.MALFORMED, str(problem))

    def _take(self, message: bytes) -> RecoveryFailure | None:
        """Take in one message; return why the subject is gone, if it says so."""
        if message.startswith(EFFECT_MARK):
            self._effects.append(messages.effect_id(message))
            return None
        if len(self._calls) == len(self._operations):
            raise MalformedOutput(f"a reply to no call: {message[:80]!r}")
        operation = self._operations[len(self._calls)]
        if operation.kind is OperationKind.OPEN and (known := _recoveries.get(message)) is not None:
            self._opened(operation, known)
            return None
        reply = messages.read_reply(message)
        gone = messages.read_gone(reply)
        if gone is not None:
            return gone
        if operation.kind is OperationKind.OPEN and reply["ok"]:
            recovery = messages.recovery_from_json(reply.get("recovery", {}))
            _recoveries.keep(message, recovery)
            self._opened(operation, recovery)
            return None
        effects = self._taken_effects()
        if not reply["ok"]:
            self._calls.append(self._refused(operation, reply, effects))
            return None
        if reply.get("asked") is False:
            self._calls.append(Call(operation, Outcome.NOT_ASKED, effects=effects))
            return None
        replayed = reply.get("replayed")
        self._calls.append(
            Call(
                operation,
                Outcome.ACKNOWLEDGED,
                offset=reply.get("offset"),
                checkpoint=reply.get("checkpoint"),
                sent=tuple(reply.get("sent", ())),
                effects=effects,
                replayed=None if replayed is None else messages.resume_from_json(replayed),
            )
        )
        return None

    def _opened(self, operation: Operation, recovery: Recovery) -> None:
        self._recovery = recovery
        effects = self._taken_effects()
        self._calls.append(Call(operation, Outcome.ACKNOWLEDGED, effects=effects))

    def _taken_effects(self) -> tuple[str, ...]:
        effects, self._effects = tuple(self._effects), []
        return effects

    def _refused(
        self, operation: Operation, reply: dict[str, Any], effects: tuple[str, ...]
    ) -> Call:
        error = self._steady(str(reply.get("error", "")))
        if operation.kind is OperationKind.OPEN:
            kind = FailureKind(reply.get("kind", FailureKind.REFUSED.value))
            self._recovery = RecoveryFailure(kind, error)
        outcome = Outcome.REFUSED_DEFINITE if reply.get("definite") else Outcome.REFUSED
        return Call(operation, outcome, effects=effects, error=error)

    def finish(self, ending: Ending) -> BootHistory:
        """Return the boot's history; what the messages themselves say of its end goes first."""
        end = BootEnd.DIED if self._is_gone else ending.end
        failure = self._failure or ending.failure
        if failure is not None:
            failure = RecoveryFailure(failure.kind, self._steady(failure.message))
        called = len(self._calls)
        is_refused = isinstance(self._recovery, RecoveryFailure)
        if called < len(self._operations) and not is_refused:
            operation = self._operations[called]
            error = "" if failure is None else f"{failure.kind.value}: {failure.message}"
            self._calls.append(
                Call(operation, Outcome.UNANSWERED, effects=tuple(self._effects), error=error)
            )
            if operation.kind is OperationKind.OPEN:
                self._recovery = failure
        return BootHistory(tuple(self._calls), self._recovery, end)

    def _steady(self, text: str) -> str:
        return steady_text(text, directory=self._directory)


def steady_text(text: str, *, directory: str) -> str:
    """Return a subject's words without what differs between two runs of the same case."""
    text = text.replace(directory + "/", "").replace(directory, ".")
    return _ADDRESS.sub("0x…", text)
