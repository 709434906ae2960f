"""Boots as history: from what a worker said to calls and their outcomes.

The order of messages is the order of facts: effects before the reply of their call. A call
without a reply was under way when the boot ended; the next operation after the last reply
counts as called, since nobody can know that it was not.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.subjects import messages
from harness.subjects.messages import EFFECT_MARK, Rubbish
from harness.values.history import BootEnd, BootHistory, Call, Outcome
from harness.values.operation import Operation, OperationKind
from harness.values.recovery import FailureKind, Recovery, RecoveryFailure

_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,16}")


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
        directory: the subject's folder, which is cut out of error texts: it has another name
            in each run.
    """
    reader = _Reader(operations, directory)
    try:
        for message in said:
            gone = reader.take(message)
            if gone is not None:
                return reader.finish(Ending(BootEnd.DIED, gone))
    except Rubbish as problem:
        ending = Ending(ending.end, RecoveryFailure(FailureKind.RUBBISH, str(problem)))
    return reader.finish(ending)


@dataclass(slots=True)
class _Reader:
    operations: Sequence[Operation]
    directory: str
    calls: list[Call] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    recovery: Recovery | RecoveryFailure | None = None

    def take(self, message: bytes) -> RecoveryFailure | None:
        """Take one message; return why the subject is gone, if it says so."""
        if message.startswith(EFFECT_MARK):
            self.effects.append(messages.effect_id(message))
            return None
        if len(self.calls) == len(self.operations):
            raise Rubbish(f"a reply to no call: {message[:80]!r}")
        operation = self.operations[len(self.calls)]
        reply = messages.read_reply(message)
        gone = messages.read_gone(reply)
        if gone is not None:
            return gone
        effects, self.effects = tuple(self.effects), []
        if not reply["ok"]:
            self.calls.append(self._refused(operation, reply, effects))
            return None
        if operation.kind is OperationKind.OPEN:
            self.recovery = messages.recovery_from_json(reply.get("recovery", {}))
        replayed = reply.get("replayed")
        self.calls.append(
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

    def _refused(
        self, operation: Operation, reply: dict[str, Any], effects: tuple[str, ...]
    ) -> Call:
        error = self._steady(str(reply.get("error", "")))
        if operation.kind is OperationKind.OPEN:
            kind = FailureKind(reply.get("kind", FailureKind.REFUSED.value))
            self.recovery = RecoveryFailure(kind, error)
        outcome = Outcome.REFUSED_DEFINITE if reply.get("definite") else Outcome.REFUSED
        return Call(operation, outcome, effects=effects, error=error)

    def finish(self, ending: Ending) -> BootHistory:
        failure = ending.failure
        if failure is not None:
            failure = RecoveryFailure(failure.kind, self._steady(failure.message))
        called = len(self.calls)
        is_refused = isinstance(self.recovery, RecoveryFailure)
        if called < len(self.operations) and not is_refused:
            operation = self.operations[called]
            error = "" if failure is None else f"{failure.kind.value}: {failure.message}"
            self.calls.append(
                Call(operation, Outcome.UNANSWERED, effects=tuple(self.effects), error=error)
            )
            if operation.kind is OperationKind.OPEN:
                self.recovery = failure
        return BootHistory(tuple(self.calls), self.recovery, ending.end)

    def _steady(self, text: str) -> str:
        """Cut out what differs between two runs of the same case."""
        text = text.replace(self.directory + "/", "").replace(self.directory, ".")
        return _ADDRESS.sub("0x…", text)
